package tetik.bench;

import java.util.List;

/**
 * The job of ten triggers for one customer at a time, by hand, as docs/reference/semantics.md has it: an event ends runs,
 * starts runs, and what falls due goes on or mails. Instants are the log's; {@code now} only says what has expired.
 */
final class TenJob {
    private static final long QUIET_MS = 5 * 3_600_000L;
    private static final long CATEGORY_MS = 6 * 3_600_000L;
    private static final long MONTH_MS = 12 * 3_600_000L;
    private static final long MONTH_MILLIONTHS = 600_000_000L;
    private static final long EXPIRES_MS = 3 * Trigger.DAY;
    private static final long VIP_CENTS = 90_000;
    private static final int RUNS_MOST = 32;
    private static final int MAILS_MOST = 64;
    private static final int CATEGORIES_MOST = 64;
    private static final int ORDERS_MOST = 256;

    private final Decisions out;
    private final Packer scratch = new Packer();
    private Customer customer;
    private long at;
    private long now;

    TenJob(Decisions out) {
        this.out = out;
    }

    /** What is due before the event, then the event. */
    void apply(Customer of, Event event, long wallNow) {
        advance(of, event.receivedAt - 1, wallNow);
        if (!of.recent.add(event.id)) {
            return;
        }
        at = Math.min(event.occurredAt, event.receivedAt);
        of.learn(event, at, scratch);
        endRuns(event.type);
        start(event);
        if (event.type == EventType.ORDER_COMPLETED && !of.vip && of.ordersCents >= VIP_CENTS) {
            of.vip = true;
            begin(Trigger.VIP_ENTERED, "vip/" + Instants.format(at), true, event.id);
        }
        watch();
        schedule();
    }

    /** Do all that is due up to {@code until}, in order of due time. */
    void advance(Customer of, long until, long wallNow) {
        customer = of;
        now = wallNow;
        while (of.nextDueAt <= until) {
            long dueAt = of.nextDueAt;
            for (Customer.Run run; (run = firstDue(dueAt)) != null; ) {
                at = run.dueAt;
                perform(run);
            }
            at = dueAt;
            if (of.quietAt <= dueAt) {
                String anchor = Instants.format(of.anchorAt);
                begin(Trigger.GONE_QUIET, anchor, true, anchor);
                of.quietAt = Customer.NEVER;
            }
            schedule();
        }
    }

    private Customer.Run firstDue(long until) {
        Customer.Run first = null;
        for (Customer.Run run : customer.runs) {
            if (run.dueAt <= until && (first == null || before(run, first))) {
                first = run;
            }
        }
        return first;
    }

    private static boolean before(Customer.Run run, Customer.Run other) {
        if (run.dueAt != other.dueAt) {
            return run.dueAt < other.dueAt;
        }
        int byTrigger = run.trigger.compareTo(other.trigger);
        return byTrigger < 0 || byTrigger == 0 && run.value.compareTo(other.value) < 0;
    }

    private void schedule() {
        long next = customer.quietAt;
        for (Customer.Run run : customer.runs) {
            next = Math.min(next, run.dueAt);
        }
        customer.nextDueAt = next;
    }

    /** Inactivity counts from whatever she did last, once she has signed up. */
    private void watch() {
        long signedUpAt = customer.lastAt[EventType.SIGNED_UP.ordinal()];
        long anchorAt = Math.max(signedUpAt, customer.lastSeenAt);
        if (signedUpAt != Customer.UNKNOWN && anchorAt != customer.anchorAt) {
            customer.anchorAt = anchorAt;
            customer.quietAt = anchorAt + QUIET_MS;
        }
    }

    // --- endings

    private void endRuns(EventType type) {
        List<Customer.Run> runs = customer.runs;
        for (int i = 0; i < runs.size(); ) {
            Customer.Run run = runs.get(i);
            // Only a trigger whose every `unless` is an `exit` too has more than one mail, so once it has mailed `exit` says all.
            boolean cancels = !run.mailed && run.trigger.unless.contains(type);
            if (at >= run.startAt && (cancels || run.trigger.exit.contains(type))) {
                runs.remove(i);
                decide(run, cancels ? "cancelled" : "exited", null);
            } else {
                i++;
            }
        }
        List<Customer.Mail> mails = customer.mails;
        for (int i = 0; i < mails.size(); i++) {
            Customer.Mail mail = mails.get(i);
            Trigger trigger = mail.trigger();
            if (mail.cancelling() || at < mail.startAt() || !trigger.endings.contains(type)) {
                continue;
            }
            if (trigger.exit.contains(type) || mail.first()) {
                mails.set(i, new Customer.Mail(
                        trigger, mail.value(), mail.step(), mail.startAt(), mail.dueAt(), mail.first(), true));
                String step = trigger.steps[mail.step()].mail();
                out.decision(customer.key, trigger, mail.value(), step, "cancelling", mail.dueAt(), at);
            }
        }
    }

    // --- starts

    private void start(Event event) {
        switch (event.type) {
            case PRODUCT_VIEWED -> {
                meet(Trigger.BROWSE_ABANDONED, null, event);
                countCategory(event);
            }
            case PRODUCT_ADDED, CHECKOUT_STARTED -> {
                if (Math.round(customer.cartValue() * 100) > 0) {
                    meet(Trigger.CART_ABANDONED, customer.cartId, event);
                    if (event.type == EventType.CHECKOUT_STARTED) {
                        meet(Trigger.CHECKOUT_ABANDONED, customer.cartId, event);
                    }
                }
            }
            case ORDER_COMPLETED -> {
                sumOrders(event);
                meet(Trigger.ORDER_CONFIRMATION, event.orderId, event);
                if (Double.isNaN(event.total)) {
                    note(Trigger.ORDER_FEEDBACK, event.id, "error");
                } else if (event.total > 50) {
                    meet(Trigger.ORDER_FEEDBACK, event.orderId, event);
                }
            }
            case SIGNED_UP, SUBSCRIBED -> {
                if (customer.consent) {
                    meet(Trigger.WELCOME_SERIES, "welcome", event);
                }
            }
            default -> {}
        }
    }

    /** An event starts a run, or restarts the wait of the one it belongs to. {@code value}: of once_per, or null. */
    private void meet(Trigger trigger, String value, Event event) {
        boolean own = value == null;
        if (!own || trigger.waits()) {
            for (Customer.Run run : customer.runs) {
                if (run.trigger == trigger && (own ? run.ownValue : run.value.equals(value))) {
                    if (trigger.waits() && !run.mailed && at > run.plannedAt) {
                        run.plannedAt = at;
                        run.dueAt = at + trigger.steps[0].waitMs();
                    }
                    return;
                }
            }
        }
        begin(trigger, own ? event.id : value, own, event.id);
    }

    /** The fifth view within six hours. */
    private void countCategory(Event event) {
        String category = event.product.category;
        if (category == null) {
            return;
        }
        Customer.Window window = null;
        for (Customer.Window one : customer.windows) {
            if (one.category.equals(category)) {
                window = one;
                break;
            }
        }
        if (window == null) {
            customer.windows.removeIf(one -> one.lastAt() <= at - CATEGORY_MS);
            if (customer.windows.size() == CATEGORIES_MOST) {
                customer.windows.remove(0);
            }
            window = new Customer.Window();
            window.category = category;
            customer.windows.add(window);
        }
        int before = window.after(at - CATEGORY_MS);
        window.times[window.seen++ % Customer.Window.MOST] = at;
        if (before == Customer.Window.MOST - 1) {
            begin(Trigger.CATEGORY_INTEREST, event.id, true, event.id);
        }
    }

    /** The order that brings the last twelve hours to 600. Sums are in millionths, so 0.1 + 0.2 is 0.3. */
    private void sumOrders(Event event) {
        if (Double.isNaN(event.total)) {
            return;
        }
        long[] spent = customer.spent;
        int gone = 0;
        while (gone < customer.spentSize
                && (spent[gone] <= at - MONTH_MS || customer.spentSize - gone == 2 * ORDERS_MOST)) {
            gone += 2;
        }
        customer.spentSize -= gone;
        if (customer.spentSize + 2 > spent.length) {
            customer.spent = new long[2 * spent.length];
        }
        System.arraycopy(spent, gone, customer.spent, 0, customer.spentSize);
        long before = 0;
        for (int i = 1; i < customer.spentSize; i += 2) {
            before += customer.spent[i];
        }
        long amount = Math.round(event.total * 1e6);
        customer.spent[customer.spentSize++] = at;
        customer.spent[customer.spentSize++] = amount;
        if (before < MONTH_MILLIONTHS && before + amount >= MONTH_MILLIONTHS) {
            begin(Trigger.BIG_MONTH, event.id, true, event.id);
        }
    }

    /** Start a run at {@code at}, unless its occasion was met or is over. {@code cause} names it if there is no room. */
    private void begin(Trigger trigger, String value, boolean own, String cause) {
        for (EventType ending : trigger.endings) {
            if (customer.lastAt[ending.ordinal()] >= at) {
                return;
            }
        }
        Customer.Memory memory = customer.memory(trigger);
        long hash = Recent.hash(value);
        if (memory.knows(hash)) {
            return;
        }
        if (customer.runs.size() >= RUNS_MOST || memory.full()) {
            note(trigger, cause, "state_limit");
            return;
        }
        memory.add(hash, at);
        Customer.Run run = new Customer.Run();
        run.trigger = trigger;
        run.value = value;
        run.ownValue = own;
        run.startAt = run.plannedAt = at;
        run.dueAt = at + trigger.steps[0].waitMs();
        customer.runs.add(run);
        decide(run, "started", null);
        perform(run);
    }

    // --- steps

    /** The run's steps that are due at {@code at}. */
    private void perform(Customer.Run run) {
        Trigger.Step[] steps = run.trigger.steps;
        while (run.dueAt == at) {
            Trigger.Step step = steps[run.position];
            if (step.mail() == null) {
                run.plannedAt = run.dueAt;
            } else if (!mail(run, step.mail())) {
                return;
            }
            if (++run.position == steps.length) {
                customer.runs.remove(run);
                return;
            }
            run.dueAt = run.plannedAt + steps[run.position].waitMs();
        }
    }

    /** False: a check failed, and the run is over. */
    private boolean mail(Customer.Run run, String step) {
        Trigger trigger = run.trigger;
        Customer.Memory memory = customer.memory(trigger);
        String refused = refused(run, memory);
        if (refused != null) {
            customer.runs.remove(run);
            decide(run, refused, step);
            return false;
        }
        out.fired(customer.key, trigger, run.value, step, run.dueAt, at, customer.email);
        if (customer.mails.size() == MAILS_MOST) {
            customer.mails.remove(0);
        }
        customer.mails.add(new Customer.Mail(
                trigger, run.value, run.position, run.startAt, run.dueAt, !run.mailed, false));
        memory.lastMailedAt = Math.max(memory.lastMailedAt, run.dueAt);
        run.mailed = true;
        return true;
    }

    private String refused(Customer.Run run, Customer.Memory memory) {
        if (now > run.plannedAt + EXPIRES_MS) {
            return "expired";
        }
        if (customer.email == null) {
            return "no_address";
        }
        if (!run.trigger.marketing) {
            return null;
        }
        if (customer.unsubscribed) {
            return "suppressed";
        }
        if (!customer.consent) {
            return "no_consent";
        }
        boolean early = !run.mailed
                && run.trigger.cooldownMs > 0
                && memory.lastMailedAt != Customer.UNKNOWN
                && run.dueAt < memory.lastMailedAt + run.trigger.cooldownMs;
        return early ? "cooldown" : null;
    }

    private void decide(Customer.Run run, String outcome, String step) {
        out.decision(customer.key, run.trigger, run.value, step, outcome, run.dueAt, at);
    }

    /** A decision on an event, or an occasion, that started nothing. */
    private void note(Trigger trigger, String cause, String outcome) {
        out.decision(customer.key, trigger, cause, null, outcome, Customer.NEVER, at);
    }
}
