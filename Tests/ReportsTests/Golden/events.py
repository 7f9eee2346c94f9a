"""Writes events.bin with TensorBoard's own classes (pip install tensorboard): the content of EventWriterTests."""

import pathlib

from tensorboard.compat.proto import event_pb2, summary_pb2, tensor_pb2, tensor_shape_pb2, types_pb2
from tensorboard.summary.writer.record_writer import RecordWriter

path = pathlib.Path(__file__).with_name("events.bin")


def scalar(tag, value, step, time):
    entry = summary_pb2.Summary.Value(tag=tag, simple_value=value)
    return event_pb2.Event(wall_time=time, step=step, summary=summary_pb2.Summary(value=[entry]))


def text(tag, value, step, time):
    shape = tensor_shape_pb2.TensorShapeProto(dim=[tensor_shape_pb2.TensorShapeProto.Dim(size=1)])
    tensor = tensor_pb2.TensorProto(dtype=types_pb2.DT_STRING, tensor_shape=shape, string_val=[value.encode()])
    plugin = summary_pb2.SummaryMetadata.PluginData(plugin_name="text")
    entry = summary_pb2.Summary.Value(
        tag=tag, tensor=tensor, metadata=summary_pb2.SummaryMetadata(plugin_data=plugin))
    return event_pb2.Event(wall_time=time, step=step, summary=summary_pb2.Summary(value=[entry]))


with open(path, "wb") as file:
    writer = RecordWriter(file)
    for event in [
        event_pb2.Event(wall_time=1_700_000_000.25, file_version="brain.Event:2"),
        scalar("training/loss", 0.6931471805599453, 1, 1_700_000_001.5),
        scalar("validation/mAP", 0.256, 300, 1_700_000_002.5),
        text("configuration", 'seed: 1\nname: "é"\n', 0, 1_700_000_004.5),
    ]:
        writer.write(event.SerializeToString())
    writer.flush()
