package tetik.bench;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** All that the job of ten triggers knows of a customer. {@link CustomerCodec} packs it. */
final class Customer {
    static final long NEVER = Long.MAX_VALUE;
    static final long UNKNOWN = Long.MIN_VALUE;
    static final int OCCASIONS_MOST = 1_024;

    /** A run of a trigger. {@code value} names its occasion; {@code ownValue}: the trigger named none. */
    static final class Run {
        Trigger trigger;
        String value;
        boolean ownValue;
        long startAt;
        int position;
        long plannedAt;
        long dueAt;
        boolean mailed;
    }

    /** A requested mail of which nothing was heard yet. */
    record Mail(Trigger trigger, String value, int step, long startAt, long dueAt, boolean first, boolean cancelling) {}

    /** A line of the cart. */
    static final class Item {
        String product;
        int quantity;
        double price;
        long addedAt;
    }

    /** When the last five views of a category were, a ring: five within the window are all that is asked. */
    static final class Window {
        static final int MOST = 5;
        String category;
        final long[] times = new long[MOST];
        int seen;

        long lastAt() {
            return times[(seen - 1) % MOST];
        }

        /** How many of the last five came after {@code at}. */
        int after(long at) {
            int count = 0;
            for (int i = 0; i < Math.min(seen, MOST); i++) {
                count += times[i] > at ? 1 : 0;
            }
            return count;
        }
    }

    /** What a trigger remembers: the occasions it met, as hashes with their instants, and its last mail. */
    static final class Memory {
        long lastMailedAt = UNKNOWN;
        long[] occasions = new long[4];
        int size;

        boolean knows(long hash) {
            for (int i = 0; i < size; i += 2) {
                if (occasions[i] == hash) {
                    return true;
                }
            }
            return false;
        }

        boolean full() {
            return size == 2 * OCCASIONS_MOST;
        }

        void add(long hash, long at) {
            if (size == occasions.length) {
                occasions = Arrays.copyOf(occasions, 2 * size);
            }
            occasions[size++] = hash;
            occasions[size++] = at;
        }
    }

    final String key;
    Recent recent = new Recent();

    String email;
    String firstName;
    String lastName;
    String locale;
    boolean consent;
    boolean unsubscribed;

    String cartId;
    final List<Item> cart = new ArrayList<>(4);

    int orders;
    long ordersCents;
    Kept bought = new Kept();
    int views;
    Kept viewed = new Kept();

    final long[] lastAt = new long[EventType.COUNT];
    long lastSeenAt = UNKNOWN;
    long anchorAt = UNKNOWN;
    long quietAt = NEVER;
    boolean vip;

    final List<Run> runs = new ArrayList<>(4);
    final List<Mail> mails = new ArrayList<>(4);
    final Memory[] memories = new Memory[Trigger.COUNT];
    final List<Window> windows = new ArrayList<>(4);
    /** Orders of the last twelve hours: instant and millionths, in turn. */
    long[] spent = new long[2];
    int spentSize;

    /** The earliest instant at which something is due by itself. */
    long nextDueAt = NEVER;
    /** Flink's timer that is set for her; other engines keep an index instead. */
    long timerAt = NEVER;

    Customer(String key) {
        this.key = key;
        Arrays.fill(lastAt, UNKNOWN);
    }

    Memory memory(Trigger trigger) {
        Memory memory = memories[trigger.ordinal()];
        if (memory == null) {
            memory = memories[trigger.ordinal()] = new Memory();
        }
        return memory;
    }

    double cartValue() {
        double value = 0;
        for (Item item : cart) {
            if (item.price > 0) {
                value += item.price * item.quantity;
            }
        }
        return value;
    }

    /** What the event tells of her, whatever the triggers make of it. */
    void learn(Event event, long at, Packer scratch) {
        int type = event.type.ordinal();
        lastAt[type] = Math.max(lastAt[type], at);
        if (event.type.hers) {
            lastSeenAt = Math.max(lastSeenAt, at);
        }
        switch (event.type) {
            case PRODUCT_VIEWED -> {
                views++;
                viewed.add(scratch, at, event.product);
            }
            case PRODUCT_ADDED -> add(event, at);
            case CART_EMPTIED -> clearCart();
            case ORDER_COMPLETED -> order(event, at, scratch);
            case PROFILE_UPDATED, SIGNED_UP -> traits(event);
            case SUBSCRIBED -> {
                traits(event);
                if (event.consent != Event.Consent.REFUSED) {
                    consents();
                }
            }
            case UNSUBSCRIBED -> {
                consent = false;
                unsubscribed = true;
            }
            default -> {}
        }
    }

    private void traits(Event event) {
        email = event.email == null ? email : event.email;
        firstName = event.firstName == null ? firstName : event.firstName;
        lastName = event.lastName == null ? lastName : event.lastName;
        locale = event.locale == null ? locale : event.locale;
        if (event.consent == Event.Consent.GIVEN) {
            consents();
        } else if (event.consent == Event.Consent.REFUSED) {
            consent = false;
        }
    }

    private void consents() {
        consent = true;
        unsubscribed = false;
    }

    private void add(Event event, long at) {
        Event.Product product = event.product;
        if (product.id == null) {
            return;
        }
        if (cartId == null) {
            cartId = event.cartId == null ? event.id : event.cartId;
        } else if (event.cartId != null && !event.cartId.equals(cartId)) {
            cart.clear();
            cartId = event.cartId;
        }
        for (Item item : cart) {
            if (item.product.equals(product.id)) {
                item.quantity += product.quantity;
                item.price = Double.isNaN(product.price) ? item.price : product.price;
                item.addedAt = at;
                return;
            }
        }
        if (cart.size() < 100) {
            Item item = new Item();
            item.product = product.id;
            item.quantity = product.quantity;
            item.price = product.price;
            item.addedAt = at;
            cart.add(item);
        }
    }

    private void order(Event event, long at, Packer scratch) {
        orders++;
        if (!Double.isNaN(event.total)) {
            ordersCents += Math.round(event.total * 100);
        }
        for (int i = event.lines.size() - 1; i >= 0; i--) {
            bought.add(scratch, at, event.lines.get(i));
        }
        email = email == null ? event.email : email;
        clearCart();
    }

    private void clearCart() {
        cart.clear();
        cartId = null;
    }
}
