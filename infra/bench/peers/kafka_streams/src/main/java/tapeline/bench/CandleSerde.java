package tapeline.bench;

import java.nio.ByteBuffer;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serializer;

/** A window's state in the store and its changelog: eight numbers of eight bytes. */
final class CandleSerde implements Serde<Candle> {
  private static final int BYTES = 8 * Double.BYTES;

  @Override
  public Serializer<Candle> serializer() {
    return (topic, candle) ->
        candle == null
            ? null
            : ByteBuffer.allocate(BYTES)
                .putDouble(candle.open())
                .putDouble(candle.high())
                .putDouble(candle.low())
                .putDouble(candle.close())
                .putDouble(candle.volume())
                .putDouble(candle.turnover())
                .putDouble(candle.priceSum())
                .putLong(candle.trades())
                .array();
  }

  @Override
  public Deserializer<Candle> deserializer() {
    return (topic, bytes) -> {
      if (bytes == null) {
        return null;
      }
      ByteBuffer buffer = ByteBuffer.wrap(bytes);
      return new Candle(
          buffer.getDouble(),
          buffer.getDouble(),
          buffer.getDouble(),
          buffer.getDouble(),
          buffer.getDouble(),
          buffer.getDouble(),
          buffer.getDouble(),
          buffer.getLong());
    };
  }
}
