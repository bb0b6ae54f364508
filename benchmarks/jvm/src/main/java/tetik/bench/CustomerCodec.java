package tetik.bench;

/** A customer as bytes and back, in one fixed order of fields. */
final class CustomerCodec {
    private final Packer out = new Packer();

    byte[] pack(Customer customer) {
        out.clear();
        customer.recent.pack(out);
        profile(customer);
        shopping(customer);
        for (long at : customer.lastAt) {
            out.number(at);
        }
        out.number(customer.lastSeenAt);
        out.number(customer.anchorAt);
        out.number(customer.quietAt);
        out.number(customer.nextDueAt);
        out.number(customer.timerAt);
        runs(customer);
        mails(customer);
        memories(customer);
        windows(customer);
        return out.toBytes();
    }

    Customer unpack(String key, byte[] bytes) {
        Unpacker in = new Unpacker(bytes);
        Customer customer = new Customer(key);
        customer.recent = Recent.unpack(in);
        profile(customer, in);
        shopping(customer, in);
        for (int i = 0; i < customer.lastAt.length; i++) {
            customer.lastAt[i] = in.number();
        }
        customer.lastSeenAt = in.number();
        customer.anchorAt = in.number();
        customer.quietAt = in.number();
        customer.nextDueAt = in.number();
        customer.timerAt = in.number();
        runs(customer, in);
        mails(customer, in);
        memories(customer, in);
        windows(customer, in);
        return customer;
    }

    private void profile(Customer customer) {
        out.text(customer.email);
        out.text(customer.firstName);
        out.text(customer.lastName);
        out.text(customer.locale);
        out.flag(customer.consent);
        out.flag(customer.unsubscribed);
        out.flag(customer.vip);
    }

    private static void profile(Customer customer, Unpacker in) {
        customer.email = in.text();
        customer.firstName = in.text();
        customer.lastName = in.text();
        customer.locale = in.text();
        customer.consent = in.flag();
        customer.unsubscribed = in.flag();
        customer.vip = in.flag();
    }

    private void shopping(Customer customer) {
        out.text(customer.cartId);
        out.count(customer.cart.size());
        for (Customer.Item item : customer.cart) {
            out.text(item.product);
            out.count(item.quantity);
            out.number(item.price);
            out.number(item.addedAt);
        }
        out.count(customer.orders);
        out.number(customer.ordersCents);
        customer.bought.pack(out);
        out.count(customer.views);
        customer.viewed.pack(out);
    }

    private static void shopping(Customer customer, Unpacker in) {
        customer.cartId = in.text();
        for (int left = in.count(); left > 0; left--) {
            Customer.Item item = new Customer.Item();
            item.product = in.text();
            item.quantity = in.count();
            item.price = in.real();
            item.addedAt = in.number();
            customer.cart.add(item);
        }
        customer.orders = in.count();
        customer.ordersCents = in.number();
        customer.bought = Kept.unpack(in);
        customer.views = in.count();
        customer.viewed = Kept.unpack(in);
    }

    private void runs(Customer customer) {
        out.count(customer.runs.size());
        for (Customer.Run run : customer.runs) {
            out.one(run.trigger.ordinal());
            out.text(run.value);
            out.flag(run.ownValue);
            out.number(run.startAt);
            out.one(run.position);
            out.number(run.plannedAt);
            out.number(run.dueAt);
            out.flag(run.mailed);
        }
    }

    private static void runs(Customer customer, Unpacker in) {
        for (int left = in.count(); left > 0; left--) {
            Customer.Run run = new Customer.Run();
            run.trigger = Trigger.of(in.one());
            run.value = in.text();
            run.ownValue = in.flag();
            run.startAt = in.number();
            run.position = in.one();
            run.plannedAt = in.number();
            run.dueAt = in.number();
            run.mailed = in.flag();
            customer.runs.add(run);
        }
    }

    private void mails(Customer customer) {
        out.count(customer.mails.size());
        for (Customer.Mail mail : customer.mails) {
            out.one(mail.trigger().ordinal());
            out.text(mail.value());
            out.one(mail.step());
            out.number(mail.startAt());
            out.number(mail.dueAt());
            out.flag(mail.first());
            out.flag(mail.cancelling());
        }
    }

    private static void mails(Customer customer, Unpacker in) {
        for (int left = in.count(); left > 0; left--) {
            customer.mails.add(new Customer.Mail(
                    Trigger.of(in.one()), in.text(), in.one(), in.number(), in.number(), in.flag(), in.flag()));
        }
    }

    private void memories(Customer customer) {
        for (Customer.Memory memory : customer.memories) {
            out.flag(memory != null);
            if (memory != null) {
                out.number(memory.lastMailedAt);
                out.count(memory.size);
                for (int i = 0; i < memory.size; i++) {
                    out.number(memory.occasions[i]);
                }
            }
        }
    }

    private static void memories(Customer customer, Unpacker in) {
        for (Trigger trigger : Trigger.values()) {
            if (in.flag()) {
                Customer.Memory memory = customer.memory(trigger);
                memory.lastMailedAt = in.number();
                int size = in.count();
                memory.occasions = new long[Math.max(4, size)];
                while (memory.size < size) {
                    memory.occasions[memory.size++] = in.number();
                }
            }
        }
    }

    private void windows(Customer customer) {
        out.count(customer.windows.size());
        for (Customer.Window window : customer.windows) {
            out.text(window.category);
            out.count(window.seen);
            for (int i = 0; i < Math.min(window.seen, Customer.Window.MOST); i++) {
                out.number(window.times[i]);
            }
        }
        out.count(customer.spentSize);
        for (int i = 0; i < customer.spentSize; i++) {
            out.number(customer.spent[i]);
        }
    }

    private static void windows(Customer customer, Unpacker in) {
        for (int left = in.count(); left > 0; left--) {
            Customer.Window window = new Customer.Window();
            window.category = in.text();
            window.seen = in.count();
            for (int i = 0; i < Math.min(window.seen, Customer.Window.MOST); i++) {
                window.times[i] = in.number();
            }
            customer.windows.add(window);
        }
        customer.spentSize = in.count();
        customer.spent = new long[Math.max(2, customer.spentSize)];
        for (int i = 0; i < customer.spentSize; i++) {
            customer.spent[i] = in.number();
        }
    }
}
