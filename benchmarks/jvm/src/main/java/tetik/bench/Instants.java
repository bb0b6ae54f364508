package tetik.bench;

import java.nio.charset.StandardCharsets;
import java.time.LocalDate;
import java.time.OffsetDateTime;

/** RFC 3339 with milliseconds, as the contracts write it, to epoch milliseconds and back. */
final class Instants {
    private static final long DAY_MS = 86_400_000L;
    private static final int WIRE_LENGTH = "2026-11-22T16:52:03.120Z".length();

    private Instants() {}

    /** One day is remembered: nearly all records of a log share theirs. Used by one thread. */
    static final class Parser {
        private int day = -1;
        private long dayAt;

        long parse(String text) {
            if (text.length() != WIRE_LENGTH || text.charAt(WIRE_LENGTH - 1) != 'Z') {
                return OffsetDateTime.parse(text).toInstant().toEpochMilli();
            }
            int date = (number(text, 0, 4) * 100 + number(text, 5, 7)) * 100 + number(text, 8, 10);
            if (date != day) {
                dayAt = LocalDate.of(date / 10_000, date / 100 % 100, date % 100).toEpochDay() * DAY_MS;
                day = date;
            }
            int minutes = number(text, 11, 13) * 60 + number(text, 14, 16);
            return dayAt + (minutes * 60L + number(text, 17, 19)) * 1_000 + number(text, 20, 23);
        }

        private static int number(String text, int begin, int end) {
            int value = 0;
            for (int i = begin; i < end; i++) {
                value = value * 10 + text.charAt(i) - '0';
            }
            return value;
        }
    }

    static String format(long at) {
        byte[] text = new byte[WIRE_LENGTH];
        LocalDate date = LocalDate.ofEpochDay(Math.floorDiv(at, DAY_MS));
        int ms = (int) Math.floorMod(at, DAY_MS);
        digits(text, 0, 4, date.getYear());
        text[4] = '-';
        digits(text, 5, 2, date.getMonthValue());
        text[7] = '-';
        digits(text, 8, 2, date.getDayOfMonth());
        text[10] = 'T';
        digits(text, 11, 2, ms / 3_600_000);
        text[13] = ':';
        digits(text, 14, 2, ms / 60_000 % 60);
        text[16] = ':';
        digits(text, 17, 2, ms / 1_000 % 60);
        text[19] = '.';
        digits(text, 20, 3, ms % 1_000);
        text[23] = 'Z';
        return new String(text, StandardCharsets.ISO_8859_1);
    }

    private static void digits(byte[] text, int begin, int count, int value) {
        for (int i = begin + count - 1; i >= begin; i--) {
            text[i] = (byte) ('0' + value % 10);
            value /= 10;
        }
    }
}
