package tetik.bench;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** Decisions and mail requests as JSON records, handed to a sink. */
final class Decisions {
    /** Where the records go. */
    interface Sink {
        void decision(String key, byte[] record);

        void request(String key, byte[] record);
    }

    private static final HexFormat HEX = HexFormat.of();

    private final Sink sink;
    private final Packer json = new Packer();
    private final MessageDigest md5;

    Decisions(Sink sink) {
        this.sink = sink;
        try {
            md5 = MessageDigest.getInstance("MD5");
        } catch (NoSuchAlgorithmException error) {
            throw new IllegalStateException(error);
        }
    }

    /** {@code dueAt} is {@link Customer#NEVER} where there is no run. */
    void decision(String key, Trigger trigger, String value, String step, String outcome, long dueAt, long at) {
        sink.decision(key, record(key, trigger, value, step, outcome, dueAt, at, null));
    }

    /** The mail's decision, and the request to whoever sends it. */
    void fired(String key, Trigger trigger, String value, String step, long dueAt, long at, String to) {
        String named = trigger.id + '\n' + key + '/' + value + '\n' + step;
        String sendId = HEX.formatHex(md5.digest(named.getBytes(StandardCharsets.UTF_8)));
        sink.decision(key, record(key, trigger, value, step, "fired", dueAt, at, sendId));
        json.clear();
        json.ascii("{\"send_id\":");
        json.quoted(sendId);
        json.ascii(",\"to\":");
        json.quoted(to);
        json.ascii(",\"template\":");
        json.quoted(step);
        json.ascii(",\"customer_key\":");
        json.quoted(key);
        json.one('}');
        sink.request(key, json.toBytes());
    }

    private byte[] record(
            String key, Trigger trigger, String value, String step, String outcome, long dueAt, long at,
            String sendId) {
        json.clear();
        json.ascii("{\"customer_key\":");
        json.quoted(key);
        json.ascii(",\"trigger_id\":");
        json.quoted(trigger.id);
        json.ascii(",\"occasion\":");
        json.quoted(key + '/' + value);
        json.ascii(",\"step\":");
        optional(step);
        json.ascii(",\"outcome\":");
        json.quoted(outcome);
        json.ascii(",\"due_at\":");
        optional(dueAt == Customer.NEVER ? null : Instants.format(dueAt));
        json.ascii(",\"occurred_at\":");
        json.quoted(Instants.format(at));
        json.ascii(",\"send_id\":");
        optional(sendId);
        json.ascii(",\"reason\":\"as the rules say\"}");
        return json.toBytes();
    }

    private void optional(String text) {
        if (text == null) {
            json.ascii("null");
        } else {
            json.quoted(text);
        }
    }
}
