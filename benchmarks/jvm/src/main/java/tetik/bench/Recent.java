package tetik.bench;

/** The last 64 event ids of a customer as 64-bit hashes: what makes an event count once. */
final class Recent {
    static final int MOST = 64;

    private long[] hashes = new long[4];
    private int size;
    private int oldest;

    /** False if it is in already. */
    boolean add(String eventId) {
        long hash = hash(eventId);
        for (int i = 0; i < size; i++) {
            if (hashes[i] == hash) {
                return false;
            }
        }
        if (size == MOST) {
            hashes[oldest] = hash;
            oldest = (oldest + 1) % MOST;
            return true;
        }
        if (size == hashes.length) {
            hashes = java.util.Arrays.copyOf(hashes, 2 * size);
        }
        hashes[size++] = hash;
        return true;
    }

    void pack(Packer out) {
        out.count(size);
        out.count(oldest);
        for (int i = 0; i < size; i++) {
            out.number(hashes[i]);
        }
    }

    static Recent unpack(Unpacker in) {
        Recent recent = new Recent();
        recent.size = in.count();
        recent.oldest = in.count();
        recent.hashes = new long[Math.max(4, Integer.highestOneBit(Math.max(1, 2 * recent.size - 1)))];
        for (int i = 0; i < recent.size; i++) {
            recent.hashes[i] = in.number();
        }
        return recent;
    }

    /** FNV-1a over the characters, then mixed. */
    static long hash(String text) {
        long hash = 0xcbf29ce484222325L;
        for (int i = 0; i < text.length(); i++) {
            hash = (hash ^ text.charAt(i)) * 0x100000001b3L;
        }
        return hash ^ hash >>> 32;
    }
}
