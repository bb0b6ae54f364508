package tetik.bench;

import java.util.HashMap;
import java.util.Map;

/** The event types of the shop's log. {@code hers}: she did it herself, so it counts as activity. */
enum EventType {
    PRODUCT_VIEWED(true),
    PAGE_VIEWED(true),
    PRODUCT_ADDED(true),
    CART_EMPTIED(true),
    CHECKOUT_STARTED(true),
    ORDER_COMPLETED(true),
    SIGNED_UP(true),
    PROFILE_UPDATED(false),
    SUBSCRIBED(true),
    UNSUBSCRIBED(false),
    EMAIL_OPENED(false),
    EMAIL_CLICKED(true),
    OTHER(true);

    static final int COUNT = values().length;
    private static final EventType[] ALL = values();
    private static final Map<String, EventType> BY_NAME = new HashMap<>();

    static {
        for (EventType type : ALL) {
            BY_NAME.put(type.text, type);
        }
    }

    final boolean hers;
    final String text = name().toLowerCase(java.util.Locale.ROOT);

    EventType(boolean hers) {
        this.hers = hers;
    }

    static EventType of(String text) {
        return BY_NAME.getOrDefault(text, OTHER);
    }

    static EventType of(int ordinal) {
        return ALL[ordinal];
    }
}
