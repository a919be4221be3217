package tapeline.bench;

import java.io.IOException;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Properties;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.state.WindowStore;

/** Ticks into candles of one minute, as the Kafka Streams DSL does it; runs until SIGTERM. */
public final class CandleStreams {
  private static final Duration WINDOW_SIZE = Duration.ofMinutes(1);

  /** Symbols of a partition may be this far apart: lateness goes by the newest of any symbol. */
  private static final Duration GRACE = Duration.ofHours(1);

  private static final Duration CLOSE_DEADLINE = Duration.ofSeconds(10);

  private CandleStreams() {}

  /** Takes the path of the settings, the input topic and the output topic. */
  public static void main(String[] arguments) throws IOException {
    Properties settings = new Properties();
    try (Reader reader = Files.newBufferedReader(Path.of(arguments[0]))) {
      settings.load(reader);
    }
    KafkaStreams streams = new KafkaStreams(topology(arguments[1], arguments[2]), settings);
    streams.setUncaughtExceptionHandler(
        error -> StreamThreadExceptionResponse.SHUTDOWN_APPLICATION);
    Runtime.getRuntime().addShutdownHook(new Thread(() -> streams.close(CLOSE_DEADLINE)));
    streams.start();
  }

  private static Topology topology(String inputTopic, String outputTopic) {
    StreamsBuilder builder = new StreamsBuilder();
    builder.stream(
            inputTopic,
            Consumed.with(
                    Serdes.String(), Serdes.serdeFrom((topic, tick) -> null, new TickDeserializer()))
                .withTimestampExtractor(
                    (record, partitionTime) ->
                        record.value() instanceof Tick tick
                            ? tick.timestampMs()
                            : Math.max(partitionTime, 0)))
        .filter((symbol, tick) -> tick != null)
        .groupByKey()
        .windowedBy(TimeWindows.ofSizeAndGrace(WINDOW_SIZE, GRACE))
        .aggregate(
            () -> Candle.EMPTY,
            (symbol, tick, candle) -> candle.with(tick),
            Materialized.<String, Candle, WindowStore<Bytes, byte[]>>as(
                    "candles")
                .withKeySerde(Serdes.String())
                .withValueSerde(new CandleSerde()))
        .toStream()
        .map(
            (window, candle) ->
                KeyValue.pair(
                    window.key(),
                    new CandleUpdate(window.key(), window.window().start(), candle)))
        .to(
            outputTopic,
            Produced.with(
                Serdes.String(),
                Serdes.serdeFrom(new CandleUpdateSerializer(), (topic, bytes) -> null)));
    return builder.build();
  }
}
