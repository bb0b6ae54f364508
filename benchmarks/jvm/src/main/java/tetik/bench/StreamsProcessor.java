package tetik.bench;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * A job in Kafka Streams. The store holds packed states and writes the changelog; over it lie the states in use, decoded,
 * of those last touched. Each change is written through, so a state may be dropped at any time.
 */
abstract class StreamsProcessor<S> implements Processor<String, Event, String, byte[]> {
    static final String STORE = "customers";

    private final Map<String, S> decoded;
    private KeyValueStore<String, byte[]> store;
    private ProcessorContext<String, byte[]> context;

    /** {@code most}: how many states stay decoded. */
    StreamsProcessor(int most) {
        decoded = new LinkedHashMap<>(1_024, 0.75f, true) {
            @Override
            protected boolean removeEldestEntry(Map.Entry<String, S> eldest) {
                return size() > most;
            }
        };
    }

    abstract S unpack(String key, byte[] packed);

    abstract byte[] pack(S state);

    abstract S blank(String key);

    @Override
    public void init(ProcessorContext<String, byte[]> given) {
        context = given;
        store = given.getStateStore(STORE);
    }

    S load(String key) {
        S state = decoded.get(key);
        if (state == null) {
            byte[] packed = store.get(key);
            state = packed == null ? blank(key) : unpack(key, packed);
            decoded.put(key, state);
        }
        return state;
    }

    void save(String key, S state) {
        store.put(key, pack(state));
    }

    void forward(String key, byte[] record, String sink) {
        context.forward(new Record<>(key, record, context.currentSystemTimeMs()), sink);
    }

    /** The job of that name. */
    static final class Thin extends StreamsProcessor<ThinJob.State> {
        private final ThinJob job = new ThinJob();

        Thin(int most) {
            super(most);
        }

        @Override
        public void process(Record<String, Event> record) {
            if (record.key() == null) {
                return;
            }
            Event event = record.value();
            ThinJob.State state = load(record.key());
            if (job.apply(state, event)) {
                save(record.key(), state);
                if (event.type == EventType.ORDER_COMPLETED) {
                    forward(record.key(), job.output(record.key(), event, state), "out");
                }
            }
        }

        @Override
        ThinJob.State unpack(String key, byte[] packed) {
            return ThinJob.unpack(packed);
        }

        @Override
        byte[] pack(ThinJob.State state) {
            return job.pack(state);
        }

        @Override
        ThinJob.State blank(String key) {
            return new ThinJob.State();
        }
    }

    /**
     * The ten triggers. Before an event, its customer's wake-ups are done; a punctuator does those of the others up to the
     * partition's clock. The index of due times is made again from the store when a task begins.
     */
    static final class Ten extends StreamsProcessor<Customer> implements Decisions.Sink {
        private static final Duration TICK = Duration.ofMillis(100);

        private final CustomerCodec codec = new CustomerCodec();
        private final TenJob job = new TenJob(new Decisions(this));
        private final Timers timers = new Timers();
        private long clock;

        Ten(int most) {
            super(most);
        }

        @Override
        public void init(ProcessorContext<String, byte[]> context) {
            super.init(context);
            KeyValueStore<String, byte[]> store = context.getStateStore(STORE);
            try (KeyValueIterator<String, byte[]> all = store.all()) {
                while (all.hasNext()) {
                    KeyValue<String, byte[]> each = all.next();
                    timers.add(each.key, unpack(each.key, each.value).nextDueAt);
                }
            }
            context.schedule(TICK, PunctuationType.WALL_CLOCK_TIME, this::fireDue);
        }

        @Override
        public void process(Record<String, Event> record) {
            if (record.key() == null) {
                return;
            }
            clock = Math.max(clock, record.value().receivedAt);
            Customer customer = load(record.key());
            job.apply(customer, record.value(), System.currentTimeMillis());
            save(record.key(), customer);
            timers.add(record.key(), customer.nextDueAt);
        }

        private void fireDue(long now) {
            for (String key; (key = timers.take(clock - 1)) != null; ) {
                Customer customer = load(key);
                if (customer.nextDueAt < clock) {
                    job.advance(customer, clock - 1, now);
                    save(key, customer);
                }
                timers.add(key, customer.nextDueAt);
            }
        }

        @Override
        public void decision(String key, byte[] record) {
            forward(key, record, "decisions");
        }

        @Override
        public void request(String key, byte[] record) {
            forward(key, record, "outbound");
        }

        @Override
        Customer unpack(String key, byte[] packed) {
            return codec.unpack(key, packed);
        }

        @Override
        byte[] pack(Customer customer) {
            return codec.pack(customer);
        }

        @Override
        Customer blank(String key) {
            return new Customer(key);
        }
    }
}
