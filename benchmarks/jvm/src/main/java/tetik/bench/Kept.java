package tetik.bench;

/** The last 20 products viewed or bought, each packed when it comes: with the state they are copied, not walked. */
final class Kept {
    static final int MOST = 20;

    private byte[][] entries = new byte[2][];
    private int size;
    private int oldest;

    void add(Packer scratch, long at, Event.Product product) {
        scratch.clear();
        scratch.number(at);
        scratch.text(product.id);
        scratch.text(product.category);
        scratch.text(product.name);
        scratch.number(product.price);
        scratch.count(product.quantity);
        scratch.text(product.url);
        scratch.text(product.imageUrl);
        byte[] entry = scratch.toBytes();
        if (size == MOST) {
            entries[oldest] = entry;
            oldest = (oldest + 1) % MOST;
            return;
        }
        if (size == entries.length) {
            entries = java.util.Arrays.copyOf(entries, Math.min(MOST, 2 * size));
        }
        entries[size++] = entry;
    }

    void pack(Packer out) {
        out.count(size);
        out.count(oldest);
        for (int i = 0; i < size; i++) {
            out.raw(entries[i]);
        }
    }

    static Kept unpack(Unpacker in) {
        Kept kept = new Kept();
        kept.size = in.count();
        kept.oldest = in.count();
        kept.entries = new byte[Math.max(2, kept.size)][];
        for (int i = 0; i < kept.size; i++) {
            kept.entries[i] = in.raw();
        }
        return kept;
    }
}
