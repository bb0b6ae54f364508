package tetik.bench;

import java.io.IOException;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.api.java.tuple.Tuple3;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;

/** The jobs as keyed process functions: (key, JSON) in; (topic, key, record) out. */
final class FlinkJob {
    private FlinkJob() {}

    /** The job of that name. */
    static final class Thin
            extends KeyedProcessFunction<String, Tuple2<String, byte[]>, Tuple3<String, String, byte[]>> {
        private final String parser;
        private transient EventReader reader;
        private transient ThinJob job;
        private transient ValueState<ThinJob.State> states;

        Thin(String parser) {
            this.parser = parser;
        }

        @Override
        public void open(OpenContext context) {
            reader = EventReader.of(parser, true);
            job = new ThinJob();
            states = getRuntimeContext()
                    .getState(new ValueStateDescriptor<>("customers", new StateSerializer.Thin()));
        }

        @Override
        public void processElement(
                Tuple2<String, byte[]> record, Context context, Collector<Tuple3<String, String, byte[]>> out)
                throws IOException {
            Event event = reader.read(record.f1);
            ThinJob.State known = states.value();
            ThinJob.State state = known == null ? new ThinJob.State() : known;
            if (job.apply(state, event)) {
                states.update(state);
                if (event.type == EventType.ORDER_COMPLETED) {
                    out.collect(Tuple3.of("out", record.f0, job.output(record.f0, event, state)));
                }
            }
        }
    }

    /** The ten triggers. A customer has one timer, at or before what is due next; a later one is set when it has rung. */
    static final class Ten
            extends KeyedProcessFunction<String, Tuple2<String, byte[]>, Tuple3<String, String, byte[]>>
            implements Decisions.Sink {
        private final String parser;
        private transient EventReader reader;
        private transient TenJob job;
        private transient ValueState<Customer> customers;
        private transient Collector<Tuple3<String, String, byte[]>> collector;

        Ten(String parser) {
            this.parser = parser;
        }

        @Override
        public void open(OpenContext context) {
            reader = EventReader.of(parser, false);
            job = new TenJob(new Decisions(this));
            customers = getRuntimeContext()
                    .getState(new ValueStateDescriptor<>("customers", new StateSerializer.Ten()));
        }

        @Override
        public void processElement(
                Tuple2<String, byte[]> record, Context context, Collector<Tuple3<String, String, byte[]>> out)
                throws IOException {
            collector = out;
            Customer known = customers.value();
            Customer customer = known == null ? new Customer(record.f0) : known;
            job.apply(customer, reader.read(record.f1), System.currentTimeMillis());
            save(customer, context);
        }

        @Override
        public void onTimer(
                long timestamp, OnTimerContext context, Collector<Tuple3<String, String, byte[]>> out)
                throws IOException {
            collector = out;
            Customer customer = customers.value();
            customer.timerAt = Customer.NEVER;
            job.advance(customer, timestamp, System.currentTimeMillis());
            save(customer, context);
        }

        private void save(Customer customer, Context context) throws IOException {
            if (customer.nextDueAt < customer.timerAt) {
                customer.timerAt = customer.nextDueAt;
                context.timerService().registerEventTimeTimer(customer.timerAt);
            }
            customers.update(customer);
        }

        @Override
        public void decision(String key, byte[] record) {
            collector.collect(Tuple3.of("decisions", key, record));
        }

        @Override
        public void request(String key, byte[] record) {
            collector.collect(Tuple3.of("outbound", key, record));
        }
    }
}
