package tetik.bench;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** Reads what {@link Packer} wrote. */
final class Unpacker {
    private static final VarHandle LONG =
            MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    private final byte[] bytes;
    private int at;

    Unpacker(byte[] bytes) {
        this.bytes = bytes;
    }

    int one() {
        return bytes[at++];
    }

    boolean flag() {
        return bytes[at++] != 0;
    }

    int count() {
        int value = 0;
        for (int shift = 0; ; shift += 7) {
            byte next = bytes[at++];
            value |= (next & 0x7f) << shift;
            if (next >= 0) {
                return value;
            }
        }
    }

    long number() {
        long value = (long) LONG.get(bytes, at);
        at += 8;
        return value;
    }

    double real() {
        return Double.longBitsToDouble(number());
    }

    byte[] raw() {
        int length = count();
        at += length;
        return Arrays.copyOfRange(bytes, at - length, at);
    }

    String text() {
        int length = count() - 1;
        if (length < 0) {
            return null;
        }
        at += length;
        return new String(bytes, at - length, length, StandardCharsets.UTF_8);
    }
}
