"""Writes run.wandb: the log of a run as W&B itself writes it offline, without the records that describe
the machine. `pip install wandb==0.31.0`"""

import glob
import math
import os
import struct
import tempfile
import zlib

BLOCK, HEAD = 32768, 7
KEPT = {"run", "config", "summary", "history", "exit"}


def records(log):
    """The records of a log."""
    at, data = HEAD, b""
    while at + HEAD <= len(log):
        if BLOCK - at % BLOCK < HEAD:
            at += BLOCK - at % BLOCK
            continue
        _, length, kind = struct.unpack("<IHB", log[at : at + HEAD])
        piece = log[at + HEAD : at + HEAD + length]
        data = piece if kind in (1, 2) else data + piece
        if kind in (1, 4):
            yield data
        at += HEAD + length


def append(log, data):
    """Adds a record as the log of a run has it."""
    first = True
    while True:
        left = BLOCK - len(log) % BLOCK
        if left < HEAD:
            log += bytes(left)
            continue
        piece, data = data[: left - HEAD], data[left - HEAD :]
        kind = (1 if first else 4) if not data else (2 if first else 3)
        checksum = zlib.crc32(bytes([kind]) + piece)
        log += struct.pack("<IHB", checksum, len(piece), kind) + piece
        first = False
        if not data:
            return log


with tempfile.TemporaryDirectory() as folder:
    os.environ.update(WANDB_MODE="offline", WANDB_SILENT="true", WANDB_CONSOLE="off")
    import wandb
    from wandb.proto.wandb_internal_pb2 import Record

    config = {"arm": "gpt", "params_n": 4_000_000, "tokens_d": 40_000_000, "model": {"width": 128}}
    run = wandb.init(project="p", name="gpt-1", config=config, dir=folder)
    for step in range(0, 2000, 100):
        loss, bits = 5 - math.log(1 + step / 100), 1.9 * (1 + 1 / (1 + step / 100))
        run.log({"train_loss": loss, "bits_per_byte": bits}, step=step)
    run.summary["final"] = 1.5
    run.summary["note"] = "long" * 8_500
    run.finish()
    (path,) = glob.glob(f"{folder}/wandb/offline-run-*/*.wandb")
    whole = open(path, "rb").read()

# Reading and writing again gives the same bytes: the form is understood.
again = whole[:HEAD]
for data in records(whole):
    again = append(again, data)
assert again == whole

log = whole[:HEAD]
for data in records(whole):
    record = Record()
    record.ParseFromString(data)
    kind = record.WhichOneof("record_type")
    if kind == "run":
        record.run.ClearField("host")
        record.run.ClearField("telemetry")
        record.run.ClearField("git")
    if kind in KEPT:
        log = append(log, record.SerializeToString())
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "run.wandb"), "wb") as file:
    file.write(log)
