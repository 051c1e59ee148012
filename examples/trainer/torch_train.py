"""A trainer of one's own with PyTorch: a small GPT over bytes, on a CPU or a GPU."""

import json, math, os, signal, time

import torch
from torch import nn

S = json.load(open(os.environ["SWEEP_SETTINGS"]))
report = open(S["report"], "w", buffering=1)
say = lambda **line: report.write(json.dumps(line) + "\n")
asked = []
signal.signal(signal.SIGTERM, lambda *_: asked.append(True))
torch.manual_seed(S["seed"])
torch.set_num_threads(1)  # an accelerator of kind cpu is one core
device, length = S["device"], S["sequence"]


class Gpt(nn.Module):
    def __init__(self, width, layers, heads, mlp):
        super().__init__()
        self.embedding = nn.Embedding(256, width)
        self.positions = nn.Parameter(torch.zeros(length, width))
        layer = lambda: nn.TransformerEncoderLayer(
            width, heads, mlp, 0.0, "gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.ModuleList(layer() for _ in range(layers))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, 256)

    def forward(self, ids):
        mask = nn.Transformer.generate_square_subsequent_mask(ids.shape[1], device=ids.device)
        x = self.embedding(ids) + self.positions[: ids.shape[1]]
        for layer in self.layers:
            x = layer(x, src_mask=mask, is_causal=True)
        return self.head(self.norm(x))


def load(path):
    return torch.frombuffer(bytearray(open(path, "rb").read()), dtype=torch.uint8).long()


def loss_at(text, places):
    rows = torch.stack([text[at : at + length + 1] for at in places]).to(device)
    logits = model(rows[:, :-1])
    return nn.functional.cross_entropy(logits.flatten(0, 1), rows[:, 1:].flatten())


def seconds():
    """Of the accelerator: CPU time on a CPU, wall time on a GPU."""
    if device == "cpu":
        return time.process_time()
    torch.cuda.synchronize()
    return time.perf_counter()


def save():
    path = os.path.join(S["checkpoints"], f"step-{step}.pt")
    state = {"step": step, "model": model.state_dict(), "optimiser": optimiser.state_dict()}
    torch.save(state, path + ".new")
    os.replace(path + ".new", path)  # whole or not at all
    say(event="checkpoint", step=step, path=os.path.basename(path))


text = load(S["corpus_train"])
model = Gpt(S["width"], S["layers"], S["heads"], S["mlp_width"]).to(device)
optimiser = torch.optim.AdamW(model.parameters(), S["learning_rate"], (0.9, 0.95))
step = 0
if S["resume_from"]:
    state = torch.load(S["resume_from"], map_location=device)
    step = state["step"]
    model.load_state_dict(state["model"])
    optimiser.load_state_dict(state["optimiser"])

used, saved = 0.0, time.monotonic()
while step < S["steps"] and not asked:
    begun = seconds()
    order = torch.Generator().manual_seed(S["seed"] * 1_000_003 + step)
    places = torch.randint(len(text) - length - 1, (S["batch"],), generator=order)
    warmup = min(1.0, (step + 1) / (0.1 * S["steps"]))
    rate = S["learning_rate"] * warmup * (1 + math.cos(math.pi * step / S["steps"])) / 2
    for group in optimiser.param_groups:
        group["lr"] = rate
    loss = loss_at(text, places)
    optimiser.zero_grad()
    loss.backward()
    norm = nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimiser.step()
    value, norm = loss.item(), norm.item()
    step += 1
    used += seconds() - begun
    tokens = step * S["batch"] * length
    say(step=step, tokens=tokens, loss=value, gradient_norm=norm, learning_rate=rate, accelerator_s=used)
    if S["mode"] == "train" and time.monotonic() - saved > 10:
        save()
        saved = time.monotonic()
if S["mode"] == "train" and step == S["steps"]:
    held_out = load(S["corpus_validation"])[: 256 * length + 1]
    model.eval()
    with torch.no_grad():
        places = range(0, len(held_out) - length, length)
        parts = [loss_at(held_out, places[i : i + 32]).item() for i in range(0, len(places), 32)]
    nats = sum(parts) / len(parts)
    params_n = sum(parameter.numel() for parameter in model.parameters())
    say(event="result", bits_per_byte=nats / math.log(2), loss=nats, params_n=params_n)
elif S["mode"] == "train":
    save()
