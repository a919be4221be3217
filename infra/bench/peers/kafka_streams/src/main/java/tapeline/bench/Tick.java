package tapeline.bench;

/** What a candle needs of a trade; its symbol is the record's key. */
record Tick(double price, double volume, long timestampMs) {}
