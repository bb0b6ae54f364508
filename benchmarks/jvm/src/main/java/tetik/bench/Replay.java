package tetik.bench;

import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A job over a file, without Kafka: what its logic decides, and what it costs alone.
 *
 * <p>{@code Replay thin|ten LOG OUT [fastjson2|jackson] [ROUNDS]}. LOG holds records as key length, key, value length,
 * value (lengths in four bytes); OUT gets one JSON record a line. After each event the state is packed and read again
 * the next time, so that what is lost on the way shows.
 */
public final class Replay {
    private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

    private record Logged(String key, byte[] value) {}

    private Replay() {}

    public static void main(String[] arguments) throws IOException {
        boolean thin = arguments[0].equals("thin");
        List<Logged> log = read(Path.of(arguments[1]));
        EventReader reader = EventReader.of(arguments.length > 3 ? arguments[3] : "fastjson2", thin);
        int rounds = arguments.length > 4 ? Integer.parseInt(arguments[4]) : 1;
        for (int round = 0; round < rounds; round++) {
            long begun = THREADS.getCurrentThreadCpuTime();
            try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(Path.of(arguments[2])))) {
                if (thin) {
                    thin(log, reader, out);
                } else {
                    ten(log, reader, out);
                }
            }
            double spent = (THREADS.getCurrentThreadCpuTime() - begun) / 1e3 / log.size();
            System.err.printf("%.2f us/event (CPU of the thread)%n", spent);
        }
    }

    private static void thin(List<Logged> log, EventReader reader, OutputStream out) throws IOException {
        ThinJob job = new ThinJob();
        Map<String, byte[]> states = new HashMap<>();
        for (Logged logged : log) {
            Event event = reader.read(logged.value);
            byte[] packed = states.get(logged.key);
            ThinJob.State state = packed == null ? new ThinJob.State() : ThinJob.unpack(packed);
            if (job.apply(state, event)) {
                states.put(logged.key, job.pack(state));
                if (event.type == EventType.ORDER_COMPLETED) {
                    line(out, job.output(logged.key, event, state));
                }
            }
        }
    }

    private static void ten(List<Logged> log, EventReader reader, OutputStream out) throws IOException {
        List<byte[]> decided = new ArrayList<>();
        TenJob job = new TenJob(new Decisions(new Decisions.Sink() {
            @Override
            public void decision(String key, byte[] record) {
                decided.add(record);
            }

            @Override
            public void request(String key, byte[] record) {}
        }));
        CustomerCodec codec = new CustomerCodec();
        Map<String, byte[]> customers = new HashMap<>();
        long clock = 0;
        for (Logged logged : log) {
            Event event = reader.read(logged.value);
            byte[] packed = customers.get(logged.key);
            Customer customer = packed == null ? new Customer(logged.key) : codec.unpack(logged.key, packed);
            clock = Math.max(clock, event.receivedAt);
            job.apply(customer, event, clock);
            customers.put(logged.key, codec.pack(customer));
        }
        for (Map.Entry<String, byte[]> entry : customers.entrySet()) {
            job.advance(codec.unpack(entry.getKey(), entry.getValue()), clock - 1, clock);
        }
        for (byte[] record : decided) {
            line(out, record);
        }
    }

    private static void line(OutputStream out, byte[] record) throws IOException {
        out.write(record);
        out.write('\n');
    }

    private static List<Logged> read(Path path) throws IOException {
        List<Logged> log = new ArrayList<>();
        try (DataInputStream in = new DataInputStream(new BufferedInputStream(Files.newInputStream(path)))) {
            while (true) {
                String key = new String(in.readNBytes(in.readInt()), StandardCharsets.UTF_8);
                log.add(new Logged(key, in.readNBytes(in.readInt())));
            }
        } catch (EOFException end) {
            return log;
        }
    }
}
