"""MultiWorkerMirroredStrategy on loopback: `python tests/engines/multiworker.py`.

Two processes, a custom loop of 200 steps (`--steps`), run twice with one seed and once
with another. Prints the JSON that tests/engines/mirrored.py prints for one case. Keras
3's `fit` does not support this strategy.
"""

import argparse
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile

ENGINE = pathlib.Path(__file__)
SIZE, REACH = 8, 4
"""Of the images; and pixels that an image moves at most."""


def work(steps, folder):
    """One of the two processes: writes the draws of its own replica."""
    sys.path.insert(0, str(ENGINE.parents[2]))
    import numpy as np
    import tensorflow as tf

    # Before any other op: the strategy sets up the cluster.
    engine = tf.distribute.MultiWorkerMirroredStrategy()
    import keras_aug_layers as kal

    runs = []
    for seed in (7, 7, 8):
        with engine.scope():
            layer = kal.RandomShift(REACH / SIZE, seed=seed)

        @tf.function
        def step(layer=layer):
            def draw():
                shift = -layer.sample((2, SIZE, SIZE, 1)).matrix[:, 1, 2]
                context = tf.distribute.get_replica_context()
                total = context.all_reduce(tf.distribute.ReduceOp.SUM, shift)
                return tf.stack([shift, total])

            return engine.run(draw)

        runs.append(np.stack([step().numpy() for _ in range(steps)]))
    index = json.loads(os.environ["TF_CONFIG"])["task"]["index"]
    np.save(os.path.join(folder, f"{index}.npy"), np.stack(runs))


def main(steps):
    """Starts the two processes and prints what they drew."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    ports = [x.getsockname()[1] for x in sockets]
    for x in sockets:
        x.close()
    with tempfile.TemporaryDirectory() as folder:
        processes = []
        for index in range(2):
            config = {
                "cluster": {"worker": [f"127.0.0.1:{port}" for port in ports]},
                "task": {"type": "worker", "index": index},
            }
            command = [sys.executable, str(ENGINE), "--steps", str(steps)]
            environment = {
                **os.environ,
                "TF_CONFIG": json.dumps(config),
                "TF_CPP_MIN_LOG_LEVEL": "3",
                "CUDA_VISIBLE_DEVICES": "",
            }
            processes.append(
                subprocess.Popen([*command, "--folder", folder], env=environment)
            )
        try:
            codes = [process.wait(timeout=400) for process in processes]
        finally:
            for process in processes:
                process.kill()
        if codes != [0, 0]:
            sys.exit(f"The workers ended with {codes}.")
        import numpy as np
        from draws import summary

        parts = [np.load(os.path.join(folder, f"{index}.npy")) for index in range(2)]
    # (runs, steps, replicas, batch)
    draws = np.stack([part[:, :, 0] for part in parts], axis=2)
    totals = np.stack([part[:, :, 1] for part in parts], axis=2)
    error = float(np.abs(totals - draws.sum(2, keepdims=True)).max())
    print(json.dumps({**summary(*draws, REACH), "largest_error_of_the_sum": error}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--folder")
    options = parser.parse_args()
    if options.folder:
        work(options.steps, options.folder)
    else:
        main(options.steps)
