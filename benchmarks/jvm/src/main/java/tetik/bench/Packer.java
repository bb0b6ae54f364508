package tetik.bench;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** Writes values into a byte array that grows and is used again. */
final class Packer {
    private static final VarHandle LONG =
            MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    private byte[] bytes = new byte[4_096];
    private int size;

    void clear() {
        size = 0;
    }

    byte[] toBytes() {
        return Arrays.copyOf(bytes, size);
    }

    private void room(int more) {
        if (size + more > bytes.length) {
            bytes = Arrays.copyOf(bytes, Math.max(2 * bytes.length, size + more));
        }
    }

    void one(int value) {
        room(1);
        bytes[size++] = (byte) value;
    }

    void flag(boolean value) {
        one(value ? 1 : 0);
    }

    /** A number that is small and not negative, most often. */
    void count(int value) {
        room(5);
        while ((value & ~0x7f) != 0) {
            bytes[size++] = (byte) (value | 0x80);
            value >>>= 7;
        }
        bytes[size++] = (byte) value;
    }

    void number(long value) {
        room(8);
        LONG.set(bytes, size, value);
        size += 8;
    }

    void number(double value) {
        number(Double.doubleToRawLongBits(value));
    }

    void raw(byte[] value) {
        count(value.length);
        room(value.length);
        System.arraycopy(value, 0, bytes, size, value.length);
        size += value.length;
    }

    /** A text or null: its length and one, or zero. */
    void text(String value) {
        if (value == null) {
            count(0);
            return;
        }
        byte[] encoded = value.getBytes(StandardCharsets.UTF_8);
        count(encoded.length + 1);
        room(encoded.length);
        System.arraycopy(encoded, 0, bytes, size, encoded.length);
        size += encoded.length;
    }

    /** Text as it stands, without its length: for JSON. */
    void ascii(String value) {
        int length = value.length();
        room(length);
        for (int i = 0; i < length; i++) {
            bytes[size + i] = (byte) value.charAt(i);
        }
        size += length;
    }

    /** A JSON string. */
    void quoted(String value) {
        one('"');
        if (plain(value)) {
            ascii(value);
        } else {
            for (byte each : value.getBytes(StandardCharsets.UTF_8)) {
                if (each == '"' || each == '\\') {
                    one('\\');
                    one(each);
                } else if (each >= 0 && each < ' ') {
                    ascii(String.format("\\u%04x", each));
                } else {
                    one(each);
                }
            }
        }
        one('"');
    }

    private static boolean plain(String value) {
        for (int i = 0; i < value.length(); i++) {
            char each = value.charAt(i);
            if (each < ' ' || each == '"' || each == '\\' || each > '~') {
                return false;
            }
        }
        return true;
    }
}
