package tetik.bench;

import java.util.Arrays;

/** The thin job: count, last instant, value and the last 20 events of a customer; an order puts these out. */
final class ThinJob {
    static final int RECENT_MOST = 20;

    /** A customer's state. {@code recent}: ids, types and instants of her last events, rings with one cursor. */
    static final class State {
        long count;
        long lastAt;
        double value;
        int size;
        int oldest;
        String[] ids = new String[2];
        String[] types = new String[2];
        long[] times = new long[2];

        private void remember(Event event) {
            int place = size;
            if (size == RECENT_MOST) {
                place = oldest;
                oldest = (oldest + 1) % RECENT_MOST;
            } else if (size++ == ids.length) {
                int room = Math.min(RECENT_MOST, 2 * ids.length);
                ids = Arrays.copyOf(ids, room);
                types = Arrays.copyOf(types, room);
                times = Arrays.copyOf(times, room);
            }
            ids[place] = event.id;
            types[place] = event.typeText;
            times[place] = event.occurredAt;
        }

        private boolean knows(String id) {
            for (int i = 0; i < size; i++) {
                if (ids[i].equals(id)) {
                    return true;
                }
            }
            return false;
        }
    }

    private final Packer out = new Packer();

    /** False if the event was known: then nothing changes. */
    boolean apply(State state, Event event) {
        if (state.knows(event.id)) {
            return false;
        }
        state.count++;
        state.lastAt = event.occurredAt;
        if (!Double.isNaN(event.total)) {
            state.value += event.total;
        }
        state.remember(event);
        return true;
    }

    /** The record that an order puts out. */
    byte[] output(String key, Event event, State state) {
        out.clear();
        out.ascii("{\"customer_key\":");
        out.quoted(key);
        out.ascii(",\"order_id\":");
        out.quoted(event.orderId);
        out.ascii(",\"count\":");
        out.ascii(Long.toString(state.count));
        out.ascii(",\"value\":");
        out.ascii(Double.toString(state.value));
        out.one('}');
        return out.toBytes();
    }

    byte[] pack(State state) {
        out.clear();
        out.number(state.count);
        out.number(state.lastAt);
        out.number(state.value);
        out.count(state.size);
        out.count(state.oldest);
        for (int i = 0; i < state.size; i++) {
            out.text(state.ids[i]);
            out.text(state.types[i]);
            out.number(state.times[i]);
        }
        return out.toBytes();
    }

    static State unpack(byte[] bytes) {
        Unpacker in = new Unpacker(bytes);
        State state = new State();
        state.count = in.number();
        state.lastAt = in.number();
        state.value = in.real();
        state.size = in.count();
        state.oldest = in.count();
        int room = Math.max(2, state.size);
        state.ids = new String[room];
        state.types = new String[room];
        state.times = new long[room];
        for (int i = 0; i < state.size; i++) {
            state.ids[i] = in.text();
            state.types[i] = in.text();
            state.times[i] = in.number();
        }
        return state;
    }
}
