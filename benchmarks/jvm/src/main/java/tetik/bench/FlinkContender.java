package tetik.bench;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Properties;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.functions.KeySelector;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.api.java.tuple.Tuple3;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.configuration.StateBackendOptions;
import org.apache.flink.configuration.TaskManagerOptions;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.core.execution.CheckpointingMode;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.DataStreamUtils;
import org.apache.flink.streaming.api.datastream.KeyedStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.util.Collector;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;

/**
 * The jobs in Flink: Kafka source, keyed process function, exactly-once Kafka sink, in one process with parallelism 1.
 * Variants {@code heap} and {@code rocksdb}; README.md lists the settings.
 */
public final class FlinkContender {
    private static final TypeInformation<Tuple2<String, byte[]>> INPUT =
            Types.TUPLE(Types.STRING, Types.PRIMITIVE_ARRAY(Types.BYTE));
    private static final TypeInformation<Tuple3<String, String, byte[]>> OUTPUT =
            Types.TUPLE(Types.STRING, Types.STRING, Types.PRIMITIVE_ARRAY(Types.BYTE));

    private FlinkContender() {}

    public static void main(String[] arguments) throws Exception {
        Settings settings = Settings.read();
        StreamExecutionEnvironment environment =
                StreamExecutionEnvironment.createLocalEnvironment(1, configuration(settings));
        environment.getConfig().enableObjectReuse();
        environment.enableCheckpointing(
                settings.number("checkpoint.ms", 1_000), CheckpointingMode.EXACTLY_ONCE);

        // The thin job asks no clock.
        WatermarkStrategy<Tuple2<String, byte[]>> clock = settings.thin()
                ? WatermarkStrategy.noWatermarks()
                : WatermarkStrategy.<Tuple2<String, byte[]>>forMonotonousTimestamps()
                        .withTimestampAssigner((record, appendedAt) -> ReceivedAt.of(record.f1));
        DataStream<Tuple2<String, byte[]>> events =
                environment.fromSource(source(settings), clock, "events", INPUT);
        KeySelector<Tuple2<String, byte[]>, String> byCustomer = record -> record.f0;
        // One subtask has all keys, so at this parallelism the exchange between source and function can be left out.
        KeyedStream<Tuple2<String, byte[]>, String> keyed = settings.on("chained", true)
                ? DataStreamUtils.reinterpretAsKeyedStream(events, byCustomer, Types.STRING)
                : events.keyBy(byCustomer, Types.STRING);
        String parser = settings.get("json", "fastjson2");
        keyed.process(settings.thin() ? new FlinkJob.Thin(parser) : new FlinkJob.Ten(parser), OUTPUT)
                .sinkTo(sink(settings));
        environment.execute(settings.app());
    }

    private static Configuration configuration(Settings settings) {
        Configuration configuration = new Configuration();
        boolean rocksdb = settings.variant().equals("rocksdb");
        configuration.set(StateBackendOptions.STATE_BACKEND, rocksdb ? "rocksdb" : "hashmap");
        configuration.set(CheckpointingOptions.INCREMENTAL_CHECKPOINTS, rocksdb);
        configuration.set(
                CheckpointingOptions.CHECKPOINTS_DIRECTORY,
                Path.of(settings.directory(), "checkpoints").toUri().toString());
        configuration.setString("state.backend.rocksdb.localdir", settings.directory());
        configuration.setString("state.backend.rocksdb.timer-service.factory", settings.get("timers", "heap"));
        configuration.set(
                TaskManagerOptions.MANAGED_MEMORY_SIZE, MemorySize.ofMebiBytes(settings.number("managed_mb", 512)));
        return configuration;
    }

    private static KafkaSource<Tuple2<String, byte[]>> source(Settings settings) {
        Properties properties = new Properties();
        properties.put("max.poll.records", settings.get("poll_records", "5000"));
        properties.put("max.partition.fetch.bytes", Integer.toString(settings.number("fetch_kb", 4_096) * 1_024));
        properties.put("receive.buffer.bytes", "1048576");
        return KafkaSource.<Tuple2<String, byte[]>>builder()
                .setBootstrapServers(settings.kafka())
                .setGroupId(settings.app())
                .setTopics(settings.events())
                .setStartingOffsets(OffsetsInitializer.earliest())
                .setDeserializer(new KeyAndValue())
                .setProperties(properties)
                .build();
    }

    private static KafkaSink<Tuple3<String, String, byte[]>> sink(Settings settings) {
        String app = settings.app();
        Properties properties = new Properties();
        properties.put("acks", "all");
        properties.put("linger.ms", settings.get("linger_ms", "100"));
        properties.put("batch.size", Integer.toString(settings.number("batch_kb", 256) * 1_024));
        properties.put("buffer.memory", "67108864");
        properties.put("transaction.timeout.ms", Long.toString(Duration.ofMinutes(10).toMillis()));
        KafkaRecordSerializationSchema<Tuple3<String, String, byte[]>> records =
                (record, context, appendedAt) -> new ProducerRecord<>(
                        app + '.' + record.f0, record.f1.getBytes(StandardCharsets.UTF_8), record.f2);
        return KafkaSink.<Tuple3<String, String, byte[]>>builder()
                .setBootstrapServers(settings.kafka())
                .setDeliveryGuarantee(DeliveryGuarantee.EXACTLY_ONCE)
                .setTransactionalIdPrefix(app)
                .setKafkaProducerConfig(properties)
                .setRecordSerializer(records)
                .build();
    }

    /** Control records have no key and are passed over. */
    private static final class KeyAndValue implements KafkaRecordDeserializationSchema<Tuple2<String, byte[]>> {
        @Override
        public void deserialize(ConsumerRecord<byte[], byte[]> record, Collector<Tuple2<String, byte[]>> out) {
            if (record.key() != null) {
                out.collect(Tuple2.of(new String(record.key(), StandardCharsets.UTF_8), record.value()));
            }
        }

        @Override
        public TypeInformation<Tuple2<String, byte[]>> getProducedType() {
            return INPUT;
        }
    }

    /** {@code received_at} of a record that is not decoded yet: the clock needs it before the exchange. */
    private static final class ReceivedAt {
        private static final byte[] FIELD = "\"received_at\":\"".getBytes(StandardCharsets.US_ASCII);
        private static final int LENGTH = "2026-11-22T16:52:03.120Z".length();
        private static final ThreadLocal<Instants.Parser> PARSER = ThreadLocal.withInitial(Instants.Parser::new);

        static long of(byte[] json) {
            int last = json.length - FIELD.length - LENGTH;
            for (int at = 0; at <= last; at++) {
                if (json[at] == '"' && json[at + 1] == 'r' && matches(json, at)) {
                    String text = new String(json, at + FIELD.length, LENGTH, StandardCharsets.US_ASCII);
                    return PARSER.get().parse(text);
                }
            }
            throw new IllegalArgumentException("no received_at: " + new String(json, StandardCharsets.UTF_8));
        }

        private static boolean matches(byte[] json, int at) {
            for (int i = 0; i < FIELD.length; i++) {
                if (json[at + i] != FIELD[i]) {
                    return false;
                }
            }
            return true;
        }
    }
}
