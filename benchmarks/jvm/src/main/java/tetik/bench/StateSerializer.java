package tetik.bench;

import java.io.IOException;
import org.apache.flink.api.common.typeutils.SimpleTypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.TypeSerializer;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/** States for Flink in the jobs' own codec: their key, then what the codec packs, each behind its length. */
abstract class StateSerializer<S> extends TypeSerializer<S> {
    abstract String key(S state);

    abstract byte[] pack(S state);

    abstract S unpack(String key, byte[] packed);

    @Override
    public boolean isImmutableType() {
        return false;
    }

    @Override
    public S createInstance() {
        return null;
    }

    @Override
    public S copy(S from) {
        return unpack(key(from), pack(from));
    }

    @Override
    public S copy(S from, S reuse) {
        return copy(from);
    }

    @Override
    public int getLength() {
        return -1;
    }

    @Override
    public void serialize(S state, DataOutputView target) throws IOException {
        target.writeUTF(key(state));
        byte[] packed = pack(state);
        target.writeInt(packed.length);
        target.write(packed);
    }

    @Override
    public S deserialize(DataInputView source) throws IOException {
        String key = source.readUTF();
        byte[] packed = new byte[source.readInt()];
        source.readFully(packed);
        return unpack(key, packed);
    }

    @Override
    public S deserialize(S reuse, DataInputView source) throws IOException {
        return deserialize(source);
    }

    @Override
    public void copy(DataInputView source, DataOutputView target) throws IOException {
        target.writeUTF(source.readUTF());
        int length = source.readInt();
        target.writeInt(length);
        target.write(source, length);
    }

    @Override
    public boolean equals(Object other) {
        return other != null && other.getClass() == getClass();
    }

    @Override
    public int hashCode() {
        return getClass().hashCode();
    }

    /** Of the thin job, whose states do not know their key. */
    public static final class Thin extends StateSerializer<ThinJob.State> {
        private final transient ThinJob job = new ThinJob();

        @Override
        String key(ThinJob.State state) {
            return "";
        }

        @Override
        byte[] pack(ThinJob.State state) {
            return job.pack(state);
        }

        @Override
        ThinJob.State unpack(String key, byte[] packed) {
            return ThinJob.unpack(packed);
        }

        @Override
        public TypeSerializer<ThinJob.State> duplicate() {
            return new Thin();
        }

        @Override
        public TypeSerializerSnapshot<ThinJob.State> snapshotConfiguration() {
            return new Snapshot();
        }

        /** Made by Flink when it restores. */
        public static final class Snapshot extends SimpleTypeSerializerSnapshot<ThinJob.State> {
            public Snapshot() {
                super(Thin::new);
            }
        }
    }

    /** Of the ten triggers. */
    public static final class Ten extends StateSerializer<Customer> {
        private final transient CustomerCodec codec = new CustomerCodec();

        @Override
        String key(Customer customer) {
            return customer.key;
        }

        @Override
        byte[] pack(Customer customer) {
            return codec.pack(customer);
        }

        @Override
        Customer unpack(String key, byte[] packed) {
            return codec.unpack(key, packed);
        }

        @Override
        public TypeSerializer<Customer> duplicate() {
            return new Ten();
        }

        @Override
        public TypeSerializerSnapshot<Customer> snapshotConfiguration() {
            return new Snapshot();
        }

        /** Made by Flink when it restores. */
        public static final class Snapshot extends SimpleTypeSerializerSnapshot<Customer> {
            public Snapshot() {
                super(Ten::new);
            }
        }
    }
}
