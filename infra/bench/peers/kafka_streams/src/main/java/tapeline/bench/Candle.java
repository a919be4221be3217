package tapeline.bench;

/** A window's state. */
record Candle(
    double open,
    double high,
    double low,
    double close,
    double volume,
    double turnover,
    double priceSum,
    long trades) {
  /** A window before its first tick. */
  static final Candle EMPTY = new Candle(0, 0, 0, 0, 0, 0, 0, 0);

  /** The window with one more tick, which is the newest. */
  Candle with(Tick tick) {
    double price = tick.price();
    boolean first = trades == 0;
    return new Candle(
        first ? price : open,
        first ? price : Math.max(high, price),
        first ? price : Math.min(low, price),
        price,
        volume + tick.volume(),
        turnover + price * tick.volume(),
        priceSum + price,
        trades + 1);
  }
}
