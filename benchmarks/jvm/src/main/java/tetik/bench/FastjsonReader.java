package tetik.bench;

import com.alibaba.fastjson2.JSONReader;
import com.alibaba.fastjson2.util.Fnv;

/** fastjson2, field by field: names are compared by hash, what nobody reads is skipped without making a value. */
final class FastjsonReader implements EventReader {
    private static final long EVENT_ID = Fnv.hashCode64("event_id");
    private static final long TYPE = Fnv.hashCode64("type");
    private static final long OCCURRED_AT = Fnv.hashCode64("occurred_at");
    private static final long RECEIVED_AT = Fnv.hashCode64("received_at");
    private static final long PROPERTIES = Fnv.hashCode64("properties");
    private static final long ORDER_ID = Fnv.hashCode64("order_id");
    private static final long TOTAL = Fnv.hashCode64("total");
    private static final long CART_ID = Fnv.hashCode64("cart_id");
    private static final long PRODUCTS = Fnv.hashCode64("products");
    private static final long PRODUCT_ID = Fnv.hashCode64("product_id");
    private static final long CATEGORY = Fnv.hashCode64("category");
    private static final long NAME = Fnv.hashCode64("name");
    private static final long URL = Fnv.hashCode64("url");
    private static final long IMAGE_URL = Fnv.hashCode64("image_url");
    private static final long PRICE = Fnv.hashCode64("price");
    private static final long QUANTITY = Fnv.hashCode64("quantity");
    private static final long EMAIL = Fnv.hashCode64("email");
    private static final long FIRST_NAME = Fnv.hashCode64("first_name");
    private static final long LAST_NAME = Fnv.hashCode64("last_name");
    private static final long LOCALE = Fnv.hashCode64("locale");
    private static final long CONSENT = Fnv.hashCode64("consent");
    private static final long MARKETING_EMAIL = Fnv.hashCode64("marketing_email");

    private final Instants.Parser instants = new Instants.Parser();
    private final boolean thin;

    FastjsonReader(boolean thin) {
        this.thin = thin;
    }

    @Override
    public Event read(byte[] json) {
        Event event = new Event();
        try (JSONReader in = JSONReader.of(json)) {
            in.nextIfObjectStart();
            while (!in.nextIfObjectEnd()) {
                long field = in.readFieldNameHashCode();
                if (field == EVENT_ID) {
                    event.id = in.readString();
                } else if (field == TYPE) {
                    event.typeText = in.readString();
                    event.type = EventType.of(event.typeText);
                } else if (field == OCCURRED_AT) {
                    event.occurredAt = instants.parse(in.readString());
                } else if (field == RECEIVED_AT) {
                    event.receivedAt = instants.parse(in.readString());
                } else if (field == PROPERTIES && in.nextIfObjectStart()) {
                    while (!in.nextIfObjectEnd()) {
                        property(in, event, in.readFieldNameHashCode());
                    }
                } else {
                    in.skipValue();
                }
            }
        }
        return event;
    }

    private void property(JSONReader in, Event event, long field) {
        if (field == ORDER_ID) {
            event.orderId = in.readString();
        } else if (field == TOTAL) {
            event.total = number(in);
        } else if (thin) {
            in.skipValue();
        } else if (field == CART_ID) {
            event.cartId = in.readString();
        } else if (field == PRODUCTS && in.nextIfArrayStart()) {
            while (!in.nextIfArrayEnd()) {
                Event.Product line = event.newLine();
                in.nextIfObjectStart();
                while (!in.nextIfObjectEnd()) {
                    product(in, line, in.readFieldNameHashCode());
                }
                in.nextIfComma();
            }
            in.nextIfComma();
        } else if (!trait(in, event, field)) {
            product(in, event.product, field);
        }
    }

    private static boolean trait(JSONReader in, Event event, long field) {
        if (field == EMAIL) {
            event.email = in.readString();
        } else if (field == FIRST_NAME) {
            event.firstName = in.readString();
        } else if (field == LAST_NAME) {
            event.lastName = in.readString();
        } else if (field == LOCALE) {
            event.locale = in.readString();
        } else if (field == CONSENT && in.nextIfObjectStart()) {
            while (!in.nextIfObjectEnd()) {
                if (in.readFieldNameHashCode() == MARKETING_EMAIL) {
                    event.consent = in.readBoolValue() ? Event.Consent.GIVEN : Event.Consent.REFUSED;
                } else {
                    in.skipValue();
                }
            }
        } else {
            return false;
        }
        return true;
    }

    private static void product(JSONReader in, Event.Product product, long field) {
        if (field == PRODUCT_ID) {
            product.id = in.readString();
        } else if (field == CATEGORY) {
            product.category = in.readString();
        } else if (field == NAME) {
            product.name = in.readString();
        } else if (field == URL) {
            product.url = in.readString();
        } else if (field == IMAGE_URL) {
            product.imageUrl = in.readString();
        } else if (field == PRICE) {
            product.price = number(in);
        } else if (field == QUANTITY && in.isNumber()) {
            product.quantity = in.readInt32Value();
        } else {
            in.skipValue();
        }
    }

    private static double number(JSONReader in) {
        if (in.isNumber()) {
            return in.readDoubleValue();
        }
        in.skipValue();
        return Double.NaN;
    }
}
