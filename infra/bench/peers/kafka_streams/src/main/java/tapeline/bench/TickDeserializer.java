package tapeline.bench;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadFeature;
import java.io.IOException;
import org.apache.kafka.common.errors.SerializationException;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.serialization.Deserializer;

/** Reads a tick from JSON, token by token: nothing but the three numbers is made. */
final class TickDeserializer implements Deserializer<Tick> {
  /** Header of the records that are no ticks (contract/records.ts). */
  private static final String RECORD_KIND_HEADER = "tapeline-record";

  private static final JsonFactory JSON =
      JsonFactory.builder().enable(StreamReadFeature.USE_FAST_DOUBLE_PARSER).build();

  /** Gives null for a record that is no tick. */
  @Override
  public Tick deserialize(String topic, Headers headers, byte[] value) {
    if (value == null || headers.lastHeader(RECORD_KIND_HEADER) != null) {
      return null;
    }
    return deserialize(topic, value);
  }

  @Override
  public Tick deserialize(String topic, byte[] value) {
    double price = Double.NaN;
    double volume = Double.NaN;
    long timestampMs = -1;
    try (JsonParser parser = JSON.createParser(value)) {
      parser.nextToken();
      for (String name = parser.nextFieldName(); name != null; name = parser.nextFieldName()) {
        JsonToken token = parser.nextToken();
        switch (name) {
          case "price" -> price = parser.getDoubleValue();
          case "volume" -> volume = parser.getDoubleValue();
          case "timestamp" -> timestampMs = parser.getLongValue();
          default -> {
            if (token.isStructStart()) {
              parser.skipChildren();
            }
          }
        }
      }
    } catch (IOException error) {
      throw new SerializationException("Cannot read a tick from " + topic, error);
    }
    return new Tick(price, volume, timestampMs);
  }
}
