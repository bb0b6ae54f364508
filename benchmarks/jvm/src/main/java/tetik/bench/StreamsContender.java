package tetik.bench;

import java.time.Duration;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.processor.api.ProcessorSupplier;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;

/** The jobs in Kafka Streams: Processor API, one thread. Variants {@code alo} and {@code eos}; README.md lists the settings. */
public final class StreamsContender {
    private StreamsContender() {}

    public static void main(String[] arguments) throws InterruptedException {
        Settings settings = Settings.read();
        KafkaStreams streams = new KafkaStreams(topology(settings), properties(settings));
        CountDownLatch ended = new CountDownLatch(1);
        streams.setUncaughtExceptionHandler(error -> {
            error.printStackTrace();
            ended.countDown();
            return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
        Runtime.getRuntime().addShutdownHook(new Thread(() -> streams.close(Duration.ofSeconds(20))));
        streams.start();
        ended.await();
        System.exit(1);
    }

    private static Topology topology(Settings settings) {
        int most = settings.number("decoded", 100_000);
        ProcessorSupplier<String, Event, String, byte[]> job = settings.thin()
                ? () -> new StreamsProcessor.Thin(most)
                : () -> new StreamsProcessor.Ten(most);
        EventReader reader = settings.reader();
        Deserializer<Event> events = (topic, bytes) -> reader.read(bytes);
        Topology topology = new Topology();
        topology.addSource("events", new StringDeserializer(), events, settings.events());
        topology.addProcessor("job", job, "events");
        topology.addStateStore(store(settings), "job");
        String[] outputs = settings.thin() ? new String[] {"out"} : new String[] {"decisions", "outbound"};
        for (String output : outputs) {
            topology.addSink(
                    output, settings.app() + "." + output, new StringSerializer(), new ByteArraySerializer(), "job");
        }
        return topology;
    }

    private static StoreBuilder<KeyValueStore<String, byte[]>> store(Settings settings) {
        String name = StreamsProcessor.STORE;
        StoreBuilder<KeyValueStore<String, byte[]>> builder = Stores.keyValueStoreBuilder(
                settings.get("store", "memory").equals("rocksdb")
                        ? Stores.persistentKeyValueStore(name)
                        : Stores.inMemoryKeyValueStore(name),
                Serdes.String(),
                Serdes.ByteArray());
        builder.withLoggingEnabled(Map.of());
        return settings.on("cache", true) ? builder.withCachingEnabled() : builder.withCachingDisabled();
    }

    private static Properties properties(Settings settings) {
        boolean eos = settings.variant().equals("eos");
        Properties properties = new Properties();
        properties.put(StreamsConfig.APPLICATION_ID_CONFIG, settings.app());
        properties.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, settings.kafka());
        properties.put(StreamsConfig.STATE_DIR_CONFIG, settings.directory());
        properties.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
        properties.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
        properties.put(
                StreamsConfig.PROCESSING_GUARANTEE_CONFIG,
                eos ? StreamsConfig.EXACTLY_ONCE_V2 : StreamsConfig.AT_LEAST_ONCE);
        properties.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, settings.number("commit.interval.ms", eos ? 100 : 1_000));
        properties.put(
                StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, settings.number("cache_mb", 256) * 1_048_576L);
        properties.put(
                StreamsConfig.BUFFERED_RECORDS_PER_PARTITION_CONFIG, settings.number("buffered", 5_000));
        consumer(settings, properties);
        producer(settings, properties);
        return properties;
    }

    private static void consumer(Settings settings, Properties properties) {
        put(properties, "main.consumer.", Map.of(
                ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest",
                ConsumerConfig.MAX_POLL_RECORDS_CONFIG, settings.number("poll_records", 5_000),
                ConsumerConfig.FETCH_MIN_BYTES_CONFIG, settings.number("fetch_min", 1),
                ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG, settings.number("fetch_kb", 4_096) * 1_024,
                ConsumerConfig.RECEIVE_BUFFER_CONFIG, 1_048_576,
                ConsumerConfig.CHECK_CRCS_CONFIG, settings.on("crcs", true)));
    }

    private static void producer(Settings settings, Properties properties) {
        put(properties, "producer.", Map.of(
                ProducerConfig.ACKS_CONFIG, "all",
                ProducerConfig.LINGER_MS_CONFIG, settings.number("linger_ms", 100),
                ProducerConfig.BATCH_SIZE_CONFIG, settings.number("batch_kb", 256) * 1_024,
                ProducerConfig.BUFFER_MEMORY_CONFIG, 67_108_864L,
                ProducerConfig.MAX_REQUEST_SIZE_CONFIG, 4_194_304,
                ProducerConfig.SEND_BUFFER_CONFIG, 1_048_576));
    }

    private static void put(Properties properties, String prefix, Map<String, Object> values) {
        values.forEach((name, value) -> properties.put(prefix + name, value));
    }
}
