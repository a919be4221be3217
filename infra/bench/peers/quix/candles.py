"""Candles of one minute with Quix Streams: one worker; several share the partitions.

The window is kept in the state by hand: sdf.tumbling_window().agg().current() needs half as much CPU
again for the same output.
"""

import json
import os

from quixstreams import Application

MARKER_HEADER = "tapeline-record"
MINUTE_MS = 60_000


def is_tick(value, key, timestamp, headers):
    """Whether a record is a tick; markers are told by a header."""
    return not headers or all(name != MARKER_HEADER for name, _ in headers)


def open_window(start, price, volume):
    return {
        "start": start,
        "open": price,
        "high": price,
        "low": price,
        "close": price,
        "volume": volume,
        "price_volume": price * volume,
        "price_sum": price,
        "trades": 1,
    }


def add_tick(window, price, volume):
    if price > window["high"]:
        window["high"] = price
    if price < window["low"]:
        window["low"] = price
    window["close"] = price
    window["volume"] += volume
    window["price_volume"] += price * volume
    window["price_sum"] += price
    window["trades"] += 1


def aggregate(tick, state):
    """Adds a tick to its symbol's window; the candle as it is then."""
    price, volume = tick["price"], tick["volume"]
    start = tick["timestamp"] // MINUTE_MS * MINUTE_MS
    window = state.get("window")
    if window is None or window["start"] != start:
        window = open_window(start, price, volume)
    else:
        add_tick(window, price, volume)
    state.set("window", window)
    return {
        "symbol": tick["symbol"],
        "window_start": start,
        "open": window["open"],
        "high": window["high"],
        "low": window["low"],
        "close": window["close"],
        "volume": window["volume"],
        "vwap": window["price_volume"] / window["volume"],
        "average_price": window["price_sum"] / window["trades"],
        "trades": window["trades"],
    }


def main(run, worker):
    app = Application(
        broker_address=run["bootstrap"],
        consumer_group=run["group"],
        auto_offset_reset="earliest",
        processing_guarantee=run["guarantee"].replace("_", "-"),
        commit_interval=1.0,
        state_dir=f"{run['dir']}/state-{worker}",
    )
    ticks = app.topic(run["input_topic"], key_deserializer="str", value_deserializer="json")
    candles = app.topic(run["output_topic"], key_serializer="str", value_serializer="json")
    (
        app.dataframe(ticks)
        .filter(is_tick, metadata=True)
        .apply(aggregate, stateful=True)
        .to_topic(candles)
    )
    app.run()


if __name__ == "__main__":
    main(json.loads(os.environ["PEER_RUN"]), os.environ["PEER_WORKER"])
