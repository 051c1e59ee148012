"""Writes run.tfevents and session.tfevents with tensorboardX, tensors.tfevents with TensorBoard's own
writer: what the tests of tensorboard.rs read. `pip install tensorboardX==2.6.5 tensorboard==2.21.0`"""

import glob
import os
import shutil
import tempfile

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.plugins.scalar.summary_v2 import scalar_pb
from tensorboard.summary.writer.event_file_writer import EventFileWriter
from tensorboardX import SummaryWriter

POINTS = [
    (0, "train/loss", 5.5), (100, "train/loss", 3.0), (300, "train/loss", 1.5),
    (0, "eval/bits_per_byte", 8.0), (200, "eval/bits_per_byte", 2.75), (300, "eval/bits_per_byte", 2.25),
]
BEGIN = 1.7e9


def keep(pattern, name):
    (file,) = glob.glob(pattern)
    shutil.move(file, os.path.join(os.path.dirname(os.path.abspath(__file__)), name))


with tempfile.TemporaryDirectory() as folder:
    writer = SummaryWriter(f"{folder}/run")
    for step, tag, value in POINTS:
        writer.add_scalar(tag, value, step, walltime=BEGIN + 36 * step)
    writer.add_hparams({"params_n": 1_000_000, "arm": "gpt", "tied": True}, {"final": 1.5}, name="session")
    writer.close()
    keep(f"{folder}/run/session/*tfevents*", "session.tfevents")
    keep(f"{folder}/run/*tfevents*", "run.tfevents")

    writer = EventFileWriter(f"{folder}/tensors")
    for step, tag, value in POINTS:
        event = Event(wall_time=BEGIN + 36 * step, step=step, summary=scalar_pb(tag, value))
        writer.add_event(event)
    writer.close()
    keep(f"{folder}/tensors/*tfevents*", "tensors.tfevents")
