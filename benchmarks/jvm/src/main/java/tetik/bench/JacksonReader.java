package tetik.bench;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.io.UncheckedIOException;

/** Jackson's streaming parser: field names are interned texts, what nobody reads is skipped. */
final class JacksonReader implements EventReader {
    private final JsonFactory factory = new JsonFactory();
    private final Instants.Parser instants = new Instants.Parser();
    private final boolean thin;

    JacksonReader(boolean thin) {
        this.thin = thin;
    }

    @Override
    public Event read(byte[] json) {
        Event event = new Event();
        try (JsonParser in = factory.createParser(json)) {
            in.nextToken();
            String field;
            while ((field = in.nextFieldName()) != null) {
                JsonToken value = in.nextToken();
                switch (field) {
                    case "event_id" -> event.id = in.getText();
                    case "type" -> {
                        event.typeText = in.getText();
                        event.type = EventType.of(event.typeText);
                    }
                    case "occurred_at" -> event.occurredAt = instants.parse(in.getText());
                    case "received_at" -> event.receivedAt = instants.parse(in.getText());
                    case "properties" -> {
                        if (value == JsonToken.START_OBJECT) {
                            properties(in, event);
                        }
                    }
                    default -> in.skipChildren();
                }
            }
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
        return event;
    }

    private void properties(JsonParser in, Event event) throws IOException {
        String field;
        while ((field = in.nextFieldName()) != null) {
            JsonToken value = in.nextToken();
            if (thin && !field.equals("order_id") && !field.equals("total")) {
                in.skipChildren();
                continue;
            }
            switch (field) {
                case "order_id" -> event.orderId = in.getValueAsString();
                case "total" -> event.total = number(in, value);
                case "cart_id" -> event.cartId = in.getValueAsString();
                case "email" -> event.email = in.getValueAsString();
                case "first_name" -> event.firstName = in.getValueAsString();
                case "last_name" -> event.lastName = in.getValueAsString();
                case "locale" -> event.locale = in.getValueAsString();
                case "consent" -> consent(in, event, value);
                case "products" -> lines(in, event, value);
                default -> product(in, event.product, field, value);
            }
        }
    }

    private static void consent(JsonParser in, Event event, JsonToken value) throws IOException {
        String field;
        while (value == JsonToken.START_OBJECT && (field = in.nextFieldName()) != null) {
            boolean given = in.nextToken() == JsonToken.VALUE_TRUE;
            if (field.equals("marketing_email")) {
                event.consent = given ? Event.Consent.GIVEN : Event.Consent.REFUSED;
            }
            in.skipChildren();
        }
    }

    private static void lines(JsonParser in, Event event, JsonToken value) throws IOException {
        while (value == JsonToken.START_ARRAY && in.nextToken() != JsonToken.END_ARRAY) {
            Event.Product line = event.newLine();
            String field;
            while ((field = in.nextFieldName()) != null) {
                product(in, line, field, in.nextToken());
            }
        }
    }

    private static void product(JsonParser in, Event.Product product, String field, JsonToken value)
            throws IOException {
        switch (field) {
            case "product_id" -> product.id = in.getValueAsString();
            case "category" -> product.category = in.getValueAsString();
            case "name" -> product.name = in.getValueAsString();
            case "url" -> product.url = in.getValueAsString();
            case "image_url" -> product.imageUrl = in.getValueAsString();
            case "price" -> product.price = number(in, value);
            case "quantity" -> product.quantity = value.isNumeric() ? in.getIntValue() : 1;
            default -> in.skipChildren();
        }
    }

    private static double number(JsonParser in, JsonToken value) throws IOException {
        if (value.isNumeric()) {
            return in.getDoubleValue();
        }
        in.skipChildren();
        return Double.NaN;
    }
}
