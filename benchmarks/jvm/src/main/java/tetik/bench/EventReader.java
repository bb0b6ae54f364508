package tetik.bench;

/** A JSON record to what the job reads of it. One reader belongs to one thread. */
interface EventReader {
    Event read(byte[] json);

    /** {@code thin}: the job of that name reads little of the properties, so the rest is skipped. */
    static EventReader of(String parser, boolean thin) {
        return switch (parser) {
            case "fastjson2" -> new FastjsonReader(thin);
            case "jackson" -> new JacksonReader(thin);
            default -> throw new IllegalArgumentException("json=" + parser + ": fastjson2 or jackson");
        };
    }
}
