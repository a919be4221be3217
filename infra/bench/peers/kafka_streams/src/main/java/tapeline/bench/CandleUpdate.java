package tapeline.bench;

/** A candle as it is published: its window, and its state so far. */
record CandleUpdate(String symbol, long windowStartMs, Candle candle) {}
