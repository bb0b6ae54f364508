package tetik.bench;

import java.util.HashMap;
import java.util.Map;
import java.util.PriorityQueue;

/**
 * When to look at which customer next: an index over due times, never the truth. It holds one live entry a customer, which
 * may be earlier than what the state says: a wait that begins anew writes the state alone.
 */
final class Timers {
    private record Entry(String key, long dueAt) {}

    private final Map<String, Long> live = new HashMap<>();
    private final PriorityQueue<Entry> order =
            new PriorityQueue<>((one, other) -> Long.compare(one.dueAt, other.dueAt));

    void add(String key, long dueAt) {
        if (dueAt == Customer.NEVER) {
            return;
        }
        Long known = live.get(key);
        if (known == null || dueAt < known) {
            live.put(key, dueAt);
            order.add(new Entry(key, dueAt));
        }
    }

    /** Take out whose entry is due at or before {@code until}, the earliest first; null if there is none. */
    String take(long until) {
        while (!order.isEmpty() && order.peek().dueAt <= until) {
            Entry entry = order.poll();
            if (live.remove(entry.key, entry.dueAt)) {
                return entry.key;
            }
        }
        return null;
    }
}
