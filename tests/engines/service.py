"""A real tf.data service on loopback: `python tests/engines/service.py`.

A dispatcher and two workers, each a process of its own, and this process as the client.
Prints one JSON object: for each layer and mode, how many elements came and how many of
them are, bit for bit, what the same dataset gives in one process. In the last case a
worker is killed with SIGKILL half-way and started again. Takes half a minute.
"""

import argparse
import collections
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tensorflow as tf

service = tf.data.experimental.service
EPOCHS = 2
CALLS = 2
"""Parallel calls of the map, where a worker is killed: what it holds stays small."""
LIFETIME = 600
"""Seconds after which a server ends, whatever becomes of its parent."""


def serve(dispatcher, port):
    """Runs a dispatcher, or a worker of the one given."""
    if dispatcher is None:
        server = service.DispatchServer()
        print(server.target, flush=True)
    else:
        config = service.WorkerConfig(
            dispatcher_address=dispatcher.split("://")[1],
            worker_address=f"localhost:{port}",
            port=port,
            heartbeat_interval_ms=200,
        )
        server = service.WorkerServer(config)
        print("ready", flush=True)
    parent = os.getppid()
    deadline = time.monotonic() + LIFETIME
    while time.monotonic() < deadline and os.getppid() == parent:
        time.sleep(0.5)


def start(*arguments):
    """Starts this file as a server."""
    command = [sys.executable, __file__, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def free_ports(number):
    """Ports of loopback that nobody listens to."""
    sockets = [socket.create_server(("localhost", 0)) for _ in range(number)]
    ports = [x.getsockname()[1] for x in sockets]
    for x in sockets:
        x.close()
    return ports


def log(message):
    """Says on stderr how far it is."""
    print(f"{time.monotonic():.1f} {message}", file=sys.stderr, flush=True)


def count(received, local):
    """What came: each element must equal the local one of its index, in some epoch."""
    seen = collections.Counter()
    wrong = 0
    for pixels, index in received:
        epochs = [e for e in range(EPOCHS) if local[e][index] == pixels]
        wrong += len(epochs) != 1
        seen.update((epoch, index) for epoch in epochs)
    return {
        "elements": len(received),
        "wrong": wrong,
        "distinct": len(seen),
        "copies": sorted(set(seen.values())),
        "different_pixels": len({pixels for pixels, _ in received}),
        "times": sorted(set(collections.Counter(i for _, i in received).values())),
    }


def main(number):
    """Starts the servers, runs every case and prints what came."""
    dispatcher = start("--serve", "dispatcher")
    address = dispatcher.stdout.readline().strip()
    commands = [
        ("--serve", "worker", "--dispatcher", address, "--port", port)
        for port in free_ports(2)
    ]
    workers = [start(*command) for command in commands]
    try:
        sys.path.insert(0, str(pathlib.Path(__file__).parents[2]))
        import numpy as np

        import keras_aug_layers as kal

        shape = (number, 12, 14, 3)
        images = np.random.default_rng(0).integers(0, 256, shape, "uint8")
        images = tf.data.Dataset.from_tensor_slices((images, np.arange(number)))
        layers = {
            "RandomRotate": kal.RandomRotate(0.1),
            "FusedAugmentation": kal.FusedAugmentation(
                [kal.RandomShift(0.2, 0.2), kal.RandomBrightness(gain=0.2)]
            ),
        }
        for worker in workers:
            worker.stdout.readline()

        def by_index(image, index):
            return index

        def augmented(layer, key=None, calls=tf.data.AUTOTUNE):
            # As the documentation says: repeat first, and with a key afterwards.
            dataset = images if key else images.repeat(EPOCHS)
            dataset = kal.augment_dataset(
                dataset, layer, seed=3, key=key, num_parallel_calls=calls
            )
            return dataset.repeat(EPOCHS) if key else dataset

        def pairs(dataset):
            return [(image.numpy().tobytes(), int(index)) for image, index in dataset]

        def epochs(dataset):
            flat = pairs(dataset)
            parts = [flat[e * number : (e + 1) * number] for e in range(EPOCHS)]
            return [{index: pixels for pixels, index in part} for part in parts]

        def distributed(dataset, mode, **arguments):
            return dataset.apply(service.distribute(mode, address, **arguments))

        log("servers up")
        results = {"elements": number, "epochs": EPOCHS}
        for name, layer in layers.items():
            by_place, by_key = augmented(layer), augmented(layer, by_index)
            local = epochs(by_place), epochs(by_key)
            results[name] = {
                "parallel_epochs": count(
                    pairs(distributed(by_place, "parallel_epochs")), local[0]
                ),
                "parallel_epochs, key": count(
                    pairs(distributed(by_key, "parallel_epochs")), local[1]
                ),
                "distributed_epoch, key": count(
                    pairs(distributed(by_key, "distributed_epoch")), local[1]
                ),
                "distributed_epoch": count(
                    pairs(distributed(by_place, "distributed_epoch")), local[0]
                ),
            }

        log("modes done")
        stateful = images.map(lambda image, index: (layer(image, training=True), index))
        received = pairs(distributed(stateful, "parallel_epochs"))
        results["stateful"] = {
            "elements": len(received),
            "different_pixels": len({pixels for pixels, _ in received}),
        }
        log("stateful done")
        # A client waits for a lost worker until its address answers again (or an hour:
        # TensorFlow's own limit), so that another one is started in its place.
        received = []
        last = augmented(layer, by_index, calls=CALLS)
        options = tf.data.Options()
        options.experimental_optimization.inject_prefetch = False
        last = distributed(last.with_options(options), "distributed_epoch")
        for image, index in last:
            received.append((image.numpy().tobytes(), int(index)))
            if len(received) == number * EPOCHS // 2:
                os.kill(workers[0].pid, signal.SIGKILL)
                workers[0].wait()
                workers.append(start(*commands[0]))
        log("epoch ended")
        results["killed"] = {
            "exit": workers[0].returncode,
            "after": number * EPOCHS // 2,
            # In the map; in the worker's buffer; and on the way, one for each worker.
            "held_at_most": CALLS + 2 + 2,
            **count(received, local[1]),
        }
        print(json.dumps(results))
    finally:
        for process in (*workers, dispatcher):
            process.kill()
            process.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--serve", choices=("dispatcher", "worker"))
    parser.add_argument("--dispatcher")
    parser.add_argument("--port", type=int)
    parser.add_argument("--elements", type=int, default=200)
    options = parser.parse_args()
    if options.serve:
        serve(options.dispatcher, options.port)
    else:
        main(options.elements)
