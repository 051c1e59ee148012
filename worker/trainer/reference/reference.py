"""Losses of the first steps of small models in PyTorch, from the same weights and on the same tokens.

    python worker/trainer/reference/reference.py > worker/trainer/reference/losses.json

Weights and tokens come from a formula that `src/reference.rs` has too, so nothing else is stored.
Everything is float32 on one thread; the optimiser is torch.optim.AdamW after clip_grad_norm_.
"""

import json
import math

import torch
from torch.nn import functional as F

WIDTH, LAYERS, HEADS, HEAD_WIDTH, MLP, VOCABULARY = 32, 2, 2, 16, 64, 48
BATCH, SEQUENCE, STEPS = 3, 24, 20
RATE, WARMUP, FINAL, DECAY, CLIP = 0.02, 4, 0.1, 0.1, 1.0
Z_LOSS = 1e-3
GROUP = 16
MASK = (1 << 64) - 1


def mixed(index):
    """Splitmix64: the same integers in every language."""
    z = (index * 0x9E3779B97F4A7C15 + 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


class Weights:
    """Numbers in [-1/4, 1/4), one after the other; gains are one more, logarithms of scales three less."""

    def __init__(self):
        self.drawn = 0
        self.all = []

    def draw(self, *shape, more=0):
        n = math.prod(shape)
        values = [((mixed(self.drawn + i) >> 40) - (1 << 23)) / (1 << 25) for i in range(n)]
        self.drawn += n
        tensor = torch.tensor(values, dtype=torch.float32).reshape(shape)
        tensor = (tensor + more).requires_grad_()
        self.all.append(tensor)
        return tensor

    def norm(self, rms=False):
        gain = self.draw(WIDTH, more=1)
        return (gain, None) if rms else (gain, self.draw(WIDTH))

    def linear(self, inputs, outputs):
        return self.draw(inputs, outputs), self.draw(outputs)

    def scales(self, inputs, outputs):
        """Logarithms, of weights by group and output, and of inputs by group."""
        groups = inputs // GROUP
        return self.draw(groups, outputs, more=-3), self.draw(groups, more=-3)


def four_bits(values):
    """Symmetric INT4 along the last dimension, with the gradient of the identity."""
    chunks = []
    for chunk in values.detach().split(GROUP, -1):
        magnitude = chunk.abs().amax(-1, keepdim=True)
        chunks.append(torch.round(chunk * (1 / magnitude * 7)).clamp(-7, 7) * (magnitude * (1 / 7)))
    return torch.cat(chunks, -1) + (values - values.detach())


def by_statistics(values):
    """Four bits on twice the mean magnitude (StatsQ), with the gradient of the identity."""
    chunks = []
    for chunk in values.detach().split(GROUP, -1):
        scale = 2 * chunk.abs().mean(-1, keepdim=True)
        clipped = (chunk / scale).clamp(-1, 1 - 1e-6)
        chunks.append((torch.round(clipped * 8 - 0.5) + 0.5) / 8 * scale)
    return torch.cat(chunks, -1) + (values - values.detach())


class LearnedScale(torch.autograd.Function):
    """Eight bits on a scale that is trained (LSQ): its gradient as the paper writes it."""

    @staticmethod
    def forward(ctx, values, scale, sharing):
        steps = values / scale
        ctx.save_for_backward(steps, scale)
        ctx.sharing = sharing
        return torch.round(steps.clamp(-127, 127)) * scale

    @staticmethod
    def backward(ctx, gradient):
        steps, scale = ctx.saved_tensors
        inside = steps.abs() <= 127
        rounded = torch.round(steps.clamp(-127, 127))
        slope = torch.where(inside, rounded - steps, rounded)
        of_scale = (gradient * slope).sum_to_size(scale.shape) / (ctx.sharing * 127) ** 0.5
        return gradient * inside, of_scale, None


def on_learned(values, logs):
    """Groups along the last dimension; `logs` has one row for each."""
    chunks = values.split(GROUP, -1)
    scales = logs.exp()
    return torch.cat(
        [LearnedScale.apply(chunk, scale[:, None], GROUP) for chunk, scale in zip(chunks, scales)], -1
    )


def normalised(x, weights):
    gain, bias = weights
    if bias is None:
        return F.rms_norm(x, (x.shape[-1],), gain, 1e-5)
    return F.layer_norm(x, (WIDTH,), gain, bias)


def turned(x):
    """Rotary positions: channels i and i + half turn together."""
    half = HEAD_WIDTH // 2
    turns = 10_000.0 ** (-torch.arange(half, dtype=torch.float64) / half)
    angles = torch.arange(SEQUENCE, dtype=torch.float64)[:, None] * turns
    cos, sin = angles.cos().float(), angles.sin().float()
    left, right = x[..., :half], x[..., half:]
    return torch.cat([left * cos - right * sin, left * sin + right * cos], -1)


class Model:
    def __init__(
        self, family, position=None, activation="gelu", gated=False, few=None, modern=False
    ):
        draws = self.weights = Weights()
        self.modern = modern
        self.family, self.position, self.few = family, position, few
        self.activation, self.gated = activation, gated
        self.token = draws.draw(VOCABULARY, WIDTH)
        self.positions = draws.draw(SEQUENCE, WIDTH) if position == "learned" else None
        inner = HEADS * HEAD_WIDTH
        gates = 3 if family == "gpt" else 4
        self.blocks = [self.block(draws, gates * inner, inner, gated) for _ in range(LAYERS)]
        self.norm = draws.norm(modern)
        self.head = None if modern else draws.draw(WIDTH, VOCABULARY)
        self.cells = [torch.zeros(BATCH, inner) for _ in range(LAYERS)]
        self.hidden = [torch.zeros(BATCH, inner) for _ in range(LAYERS)]

    def block(self, draws, wide_n, inner, gated):
        """Its parameters, drawn in the order of the flat slice that the trainer keeps them in."""
        first_n = MLP * (2 if gated else 1)
        learned = self.few == "learned"

        def scales(*layers):
            return [draws.scales(*layer) if learned else () for layer in layers]

        norm1, wide = draws.norm(self.modern), draws.linear(WIDTH, wide_n)
        recurrent = draws.draw(inner, wide_n) if self.family == "lstm" else None
        gains = [draws.draw(HEAD_WIDTH, more=1) for _ in range(2 if self.modern else 0)]
        out = draws.linear(inner, WIDTH)
        of_wide, of_out = scales((WIDTH, wide_n), (inner, WIDTH))
        norm2 = draws.norm(self.modern)
        first, second = draws.linear(WIDTH, first_n), draws.linear(MLP, WIDTH)
        of_first, of_second = scales((WIDTH, first_n), (MLP, WIDTH))
        layers = (*wide, *of_wide), (*out, *of_out), (*first, *of_first), (*second, *of_second)
        wide, out, first, second = layers
        return norm1, wide, recurrent, gains, out, norm2, first, second

    def linear(self, x, weights):
        matrix, bias, *scales = weights
        if self.few == "absmax":
            x, matrix = four_bits(x), four_bits(matrix.T).T
        elif self.few == "statistics":
            x, matrix = four_bits(x), by_statistics(matrix.T).T
        elif self.few == "learned":
            of_weights, of_inputs = scales
            x = on_learned(x, of_inputs[:, None])
            matrix = on_learned(matrix.T, of_weights).T
        return x @ matrix + bias

    def attention(self, qkv, gains):
        query, key, value = (
            part.reshape(BATCH, SEQUENCE, HEADS, HEAD_WIDTH).transpose(1, 2)
            for part in qkv.chunk(3, -1)
        )
        if self.modern:
            query, key = normalised(query, (gains[0], None)), normalised(key, (gains[1], None))
        if self.position == "rotary":
            query, key = turned(query), turned(key)
        distance = torch.arange(SEQUENCE)[:, None] - torch.arange(SEQUENCE)[None, :]
        slopes = torch.tensor([2.0 ** (-8 * head / HEADS) for head in range(HEADS)])
        bias = -slopes[:, None, None] * distance if self.position == "alibi" else 0.0 * distance
        bias = bias.float().masked_fill(distance < 0, -math.inf).expand(HEADS, -1, -1)
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        return mixed.transpose(1, 2).reshape(BATCH, SEQUENCE, -1)

    def recurrence(self, gates, layer):
        forget, update, new, output = gates.chunk(4, -1)
        cell, hidden = self.cells[layer], []
        for t in range(SEQUENCE):
            kept = torch.sigmoid(forget[:, t] + 1) * cell
            cell = kept + torch.sigmoid(update[:, t]) * torch.tanh(new[:, t])
            hidden.append(torch.sigmoid(output[:, t]) * torch.tanh(cell))
        self.cells[layer] = cell.detach()
        return torch.stack(hidden, 1)

    def lstm(self, x, wide, recurrent, layer):
        """torch.nn.LSTM's own recurrence; its gates are in the order input, forget, update, output."""
        inner = recurrent.shape[0]
        torch_lstm = torch.nn.LSTM(WIDTH, inner, batch_first=True)
        forget, update, new, output = range(4)
        order = [update, forget, new, output]

        def ordered(weights):
            chunks = weights.chunk(4, -1)
            return torch.cat([chunks[gate] for gate in order], -1)

        forget_bias = torch.cat([torch.zeros(inner), torch.ones(inner), torch.zeros(2 * inner)])
        parameters = {
            "weight_ih_l0": ordered(wide[0]).T,
            "weight_hh_l0": ordered(recurrent).T,
            "bias_ih_l0": ordered(wide[1]),
            "bias_hh_l0": forget_bias,
        }
        carried = (self.hidden[layer][None], self.cells[layer][None])
        said, (hidden, cell) = torch.func.functional_call(torch_lstm, parameters, (x, carried))
        self.hidden[layer], self.cells[layer] = hidden[0].detach(), cell[0].detach()
        return said

    def loss(self, inputs, targets):
        x = self.token[inputs] * WIDTH**0.5
        if self.positions is not None:
            x = x + self.positions
        for layer, block in enumerate(self.blocks):
            norm1, wide, recurrent, gains, out, norm2, first, second = block
            normal = normalised(x, norm1)
            if self.family == "lstm":
                mixer = self.lstm(normal, wide, recurrent, layer)
            elif self.family == "gpt":
                mixer = self.attention(self.linear(normal, wide), gains)
            else:
                mixer = self.recurrence(self.linear(normal, wide), layer)
            x = x + self.linear(mixer, out)
            hidden = self.linear(normalised(x, norm2), first)
            bend = {"gelu": lambda u: F.gelu(u, approximate="tanh"), "relu": F.relu, "silu": F.silu}
            if self.gated:
                gate, up = hidden.chunk(2, -1)
                hidden = bend[self.activation](gate) * up
            else:
                hidden = bend[self.activation](hidden)
            x = x + self.linear(hidden, second)
        # A view made before a step would be the table of before it to autograd.
        head = self.token.T if self.modern else self.head
        logits = normalised(x, self.norm) @ head
        loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten())
        if not self.modern:
            return loss, loss
        return loss, loss + Z_LOSS * torch.logsumexp(logits, -1).square().mean()


def rate(step):
    if step <= WARMUP:
        return RATE * step / WARMUP
    done = (step - WARMUP) / (STEPS - WARMUP)
    return RATE * (FINAL + (1 - FINAL) * 0.5 * (1 + math.cos(math.pi * done)))


def tokens(step):
    """A pattern that can be learned: each token follows from the one before, with some noise."""
    rows = []
    for row in range(BATCH):
        token, line = (step * 7 + row * 11) % VOCABULARY, []
        for place in range(SEQUENCE + 1):
            line.append(token)
            noise = mixed((step * BATCH + row) * (SEQUENCE + 1) + place) % 4
            token = (token * 5 + 3 + noise) % VOCABULARY
        rows.append(line)
    rows = torch.tensor(rows)
    return rows[:, :-1], rows[:, 1:]


def train(model):
    # Gains and biases do not decay.
    matrices = [weights for weights in model.weights.all if weights.dim() > 1]
    vectors = [weights for weights in model.weights.all if weights.dim() == 1]
    groups = [
        {"params": matrices, "weight_decay": DECAY},
        {"params": vectors, "weight_decay": 0.0},
    ]
    adam = torch.optim.AdamW(groups, betas=(0.9, 0.95), eps=1e-8)
    losses = []
    for step in range(1, STEPS + 1):
        for group in adam.param_groups:
            group["lr"] = rate(step)
        loss, minimised = model.loss(*tokens(step))
        adam.zero_grad()
        minimised.backward()
        torch.nn.utils.clip_grad_norm_(model.weights.all, CLIP)
        adam.step()
        losses.append(loss.item())
    return losses


def main():
    torch.set_num_threads(1)
    models = {
        "gpt, alibi": Model("gpt", "alibi"),
        "gpt, learned positions": Model("gpt", "learned"),
        "qlstm": Model("qlstm"),
        "lstm": Model("lstm"),
        "gpt, relu": Model("gpt", "alibi", activation="relu"),
        "qlstm, swiglu": Model("qlstm", activation="silu", gated=True),
        "gpt, modern": Model("gpt", "rotary", activation="silu", gated=True, modern=True),
        "gpt, int4 in groups of 16": Model("gpt", "alibi", few="absmax"),
        "gpt, int4 by statistics": Model("gpt", "alibi", few="statistics"),
        "gpt, int8 of learned scales": Model("gpt", "alibi", few="learned"),
    }
    losses = {name: train(model) for name, model in models.items()}
    print(json.dumps({"torch": torch.__version__, "losses": losses}, indent=1))


main()
