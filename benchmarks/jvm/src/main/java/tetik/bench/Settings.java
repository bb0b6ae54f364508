package tetik.bench;

import java.util.HashMap;
import java.util.Map;

/** What the environment asks for (docs/benchmark-jobs.md). {@code set} holds the settings tried one at a time. */
record Settings(
        String kafka, boolean thin, String app, String events, String variant, String directory,
        Map<String, String> set) {

    static Settings read() {
        Map<String, String> set = new HashMap<>();
        for (String each : System.getenv().getOrDefault("BENCH_SET", "").split(",")) {
            if (!each.isBlank()) {
                String[] pair = each.split("=", 2);
                set.put(pair[0].strip(), pair[1].strip());
            }
        }
        return new Settings(
                need("BENCH_KAFKA"),
                need("BENCH_JOB").equals("thin"),
                need("BENCH_APP"),
                System.getenv().getOrDefault("BENCH_EVENTS", "tetik.events"),
                need("BENCH_VARIANT"),
                need("BENCH_DIR"),
                set);
    }

    String get(String name, String otherwise) {
        return set.getOrDefault(name, otherwise);
    }

    int number(String name, int otherwise) {
        return Integer.parseInt(get(name, Integer.toString(otherwise)));
    }

    boolean on(String name, boolean otherwise) {
        return get(name, otherwise ? "1" : "0").equals("1");
    }

    EventReader reader() {
        return EventReader.of(get("json", "fastjson2"), thin);
    }

    private static String need(String name) {
        String value = System.getenv(name);
        if (value == null) {
            throw new IllegalArgumentException(name + " is not set");
        }
        return value;
    }
}
