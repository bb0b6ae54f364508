package tetik.bench;

import java.util.ArrayList;
import java.util.List;

/** What the jobs read of an event. Absent texts are null, absent numbers NaN; instants are epoch milliseconds. */
final class Event {
    /** What is said about a marketing consent. */
    enum Consent {
        UNSAID,
        GIVEN,
        REFUSED
    }

    String id;
    EventType type = EventType.OTHER;
    String typeText;
    long occurredAt;
    long receivedAt;

    final Product product = new Product();
    List<Product> lines = List.of();
    String cartId;
    String orderId;
    double total = Double.NaN;

    String email;
    String firstName;
    String lastName;
    String locale;
    Consent consent = Consent.UNSAID;

    /** A product viewed, put into the cart, or bought. */
    static final class Product {
        String id;
        String category;
        String name;
        String url;
        String imageUrl;
        double price = Double.NaN;
        int quantity = 1;
    }

    Product newLine() {
        if (lines.isEmpty()) {
            lines = new ArrayList<>(4);
        }
        Product line = new Product();
        lines.add(line);
        return line;
    }
}
