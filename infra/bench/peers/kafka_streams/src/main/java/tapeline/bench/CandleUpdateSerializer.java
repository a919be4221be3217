package tapeline.bench;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.StreamWriteFeature;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import org.apache.kafka.common.errors.SerializationException;
import org.apache.kafka.common.serialization.Serializer;

/** Writes a candle as JSON. */
final class CandleUpdateSerializer implements Serializer<CandleUpdate> {
  private static final int TYPICAL_BYTES = 256;

  private static final JsonFactory JSON =
      JsonFactory.builder().enable(StreamWriteFeature.USE_FAST_DOUBLE_WRITER).build();

  @Override
  public byte[] serialize(String topic, CandleUpdate update) {
    Candle candle = update.candle();
    ByteArrayOutputStream bytes = new ByteArrayOutputStream(TYPICAL_BYTES);
    try (JsonGenerator json = JSON.createGenerator(bytes)) {
      json.writeStartObject();
      json.writeStringField("symbol", update.symbol());
      json.writeNumberField("window_start", update.windowStartMs());
      json.writeNumberField("open", candle.open());
      json.writeNumberField("high", candle.high());
      json.writeNumberField("low", candle.low());
      json.writeNumberField("close", candle.close());
      json.writeNumberField("volume", candle.volume());
      if (candle.volume() == 0) {
        json.writeNullField("vwap");
      } else {
        json.writeNumberField("vwap", candle.turnover() / candle.volume());
      }
      json.writeNumberField("average_price", candle.priceSum() / candle.trades());
      json.writeNumberField("trades", candle.trades());
      json.writeEndObject();
    } catch (IOException error) {
      throw new SerializationException("Cannot write a candle of " + update.symbol(), error);
    }
    return bytes.toByteArray();
  }
}
