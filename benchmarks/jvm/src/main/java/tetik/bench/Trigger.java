package tetik.bench;

import static tetik.bench.EventType.CART_EMPTIED;
import static tetik.bench.EventType.ORDER_COMPLETED;
import static tetik.bench.EventType.PRODUCT_ADDED;
import static tetik.bench.EventType.UNSUBSCRIBED;

import java.util.EnumSet;
import java.util.Set;

/** The ten triggers of benchmarks/rules, in the order of their ids; what starts them stands in {@link TenJob}. */
enum Trigger {
    BIG_MONTH("big-month", true, Trigger.WEEK, none(), none(), mail("points-reached")),
    BROWSE_ABANDONED(
            "browse-abandoned", true, Trigger.DAY, EnumSet.of(PRODUCT_ADDED, ORDER_COMPLETED), none(),
            pause(120), mail("browse-general")),
    CART_ABANDONED(
            "cart-abandoned", true, Trigger.DAY / 2,
            EnumSet.of(ORDER_COMPLETED, CART_EMPTIED), EnumSet.of(ORDER_COMPLETED, CART_EMPTIED),
            pause(45), mail("cart-reminder"), pause(240), mail("cart-questions")),
    CATEGORY_INTEREST("category-interest", true, Trigger.WEEK, none(), none(), mail("category-picks")),
    CHECKOUT_ABANDONED(
            "checkout-abandoned", true, Trigger.DAY, EnumSet.of(ORDER_COMPLETED), none(),
            pause(20), mail("checkout-reminder")),
    GONE_QUIET("gone-quiet", true, Trigger.WEEK, none(), none(), mail("winback-miss-you")),
    ORDER_CONFIRMATION("order-confirmation", false, 0, none(), none(), mail("order-confirmation")),
    ORDER_FEEDBACK("order-feedback", false, 0, none(), none(), pause(360), mail("feedback-request")),
    VIP_ENTERED("vip-entered", true, 0, none(), none(), mail("vip-welcome")),
    WELCOME_SERIES(
            "welcome-series", true, 0, none(), EnumSet.of(UNSUBSCRIBED),
            mail("welcome"), pause(60), mail("welcome-discover"), pause(180), mail("welcome-favourites"));

    static final long DAY = 86_400_000L;
    static final long WEEK = 7 * DAY;
    static final int COUNT = values().length;
    private static final Trigger[] ALL = values();

    /** A mail, or a wait if {@code mail} is null. */
    record Step(String mail, long waitMs) {}

    final String id;
    final boolean marketing;
    final long cooldownMs;
    final Set<EventType> unless;
    final Set<EventType> exit;
    final Set<EventType> endings;
    final Step[] steps;

    Trigger(
            String id, boolean marketing, long cooldownMs, Set<EventType> unless, Set<EventType> exit,
            Step... steps) {
        this.id = id;
        this.marketing = marketing;
        this.cooldownMs = cooldownMs;
        this.unless = unless;
        this.exit = exit;
        this.steps = steps;
        endings = EnumSet.copyOf(unless);
        endings.addAll(exit);
    }

    static Trigger of(int ordinal) {
        return ALL[ordinal];
    }

    /** Whether it waits before its first mail. */
    boolean waits() {
        return steps[0].mail == null;
    }

    private static EnumSet<EventType> none() {
        return EnumSet.noneOf(EventType.class);
    }

    private static Step mail(String template) {
        return new Step(template, 0);
    }

    private static Step pause(long minutes) {
        return new Step(null, minutes * 60_000L);
    }
}
