"""Candles of one minute with Faust.

The windows are kept by hand, a table entry for each symbol, and written once a batch: a windowed table
is written, and sent to its changelog, for every tick.
"""

import json
import os

import faust

MARKER_HEADER = "tapeline-record"
MINUTE_MS = 60_000
# Below stream_buffer_maxsize (4096), or a batch would wait for its time each time.
BATCH_TICKS = 4_000

run = json.loads(os.environ["PEER_RUN"])
app = faust.App(
    run["group"],
    broker=f"kafka://{run['bootstrap']}",
    datadir=f"{run['dir']}/worker-{os.environ['PEER_WORKER']}",
    store="memory://",
    processing_guarantee=run["guarantee"],
    consumer_auto_offset_reset="earliest",
    broker_commit_interval=1.0,
    topic_partitions=3,
    topic_disable_leader=True,
    web_enabled=False,
)
ticks = app.topic(run["input_topic"], key_type=str, key_serializer="raw", value_serializer="json")
candles = app.topic(run["output_topic"], key_serializer="raw", value_serializer="json")
# The window that each symbol is in. A batch may hold several partitions, so the key says which.
windows = app.Table("windows", key_type=str, use_partitioner=True)


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


def as_output(symbol, window):
    return {
        "symbol": symbol,
        "window_start": window["start"],
        "open": window["open"],
        "high": window["high"],
        "low": window["low"],
        "close": window["close"],
        "volume": window["volume"],
        "vwap": window["price_volume"] / window["volume"],
        "average_price": window["price_sum"] / window["trades"],
        "trades": window["trades"],
    }


@app.agent(ticks)
async def aggregate(stream):
    async for events in stream.take_events(BATCH_TICKS, within=1.0):
        changed = {}
        for event in events:
            if MARKER_HEADER in event.headers:
                continue
            tick = event.value
            symbol, price, volume = tick["symbol"], tick["price"], tick["volume"]
            start = tick["timestamp"] // MINUTE_MS * MINUTE_MS
            window = changed.get(symbol) or windows.get(symbol)
            if window is None or window["start"] != start:
                if symbol in changed:
                    await candles.send(key=symbol.encode(), value=as_output(symbol, window))
                window = open_window(start, price, volume)
            else:
                add_tick(window, price, volume)
            changed[symbol] = window
        for symbol, window in changed.items():
            windows[symbol] = window
            await candles.send(key=symbol.encode(), value=as_output(symbol, window))

