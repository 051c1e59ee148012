"""The same models in PyTorch, trained on noise: the peer of the benchmark beside it.

Reads one subject per line of standard input, as JSON, trains it for the seconds asked for and
answers with its tokens per second on one line. Models stay alive between lines, so that windows of
both programs alternate. Eager mode, float32, fused AdamW; attention by scaled_dot_product_attention,
the quasi-LSTM in Languini Kitchen's block form (arXiv 2309.11197), the LSTM by torch.nn.LSTM.
"""

import json
import resource
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F


class Gpt(nn.Module):
    """`x + attention(LN x)`: causal, with learned positions in the embedding."""

    def __init__(self, width, heads_n, head_width, **_):
        super().__init__()
        self.heads_n, self.head_width = heads_n, head_width
        inner = heads_n * head_width
        self.qkv, self.out = nn.Linear(width, 3 * inner), nn.Linear(inner, width)

    def forward(self, x):
        batch, sequence, _ = x.shape
        qkv = self.qkv(x).view(batch, sequence, 3, self.heads_n, self.head_width)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        return self.out(mixed.transpose(1, 2).reshape(batch, sequence, -1))


class Qlstm(nn.Module):
    """Gates from the input alone; within a block of 16 steps the recurrence is one product."""

    BLOCK = 16

    def __init__(self, width, heads_n, head_width, **_):
        super().__init__()
        inner = heads_n * head_width
        self.gates, self.out = nn.Linear(width, 4 * inner), nn.Linear(inner, width)

    def forward(self, x):
        forget, update, cell, output = self.gates(x).chunk(4, -1)
        forget = torch.sigmoid(forget + 1)
        added = torch.sigmoid(update) * torch.tanh(cell)
        batch, sequence, inner = added.shape
        state, cells = added.new_zeros(batch, inner), []
        later = torch.ones(self.BLOCK, self.BLOCK + 1, dtype=torch.bool).triu(2)
        for start in range(0, sequence, self.BLOCK):
            decay = torch.log(forget[:, start : start + self.BLOCK] + 1e-8).cumsum(1)
            ends = decay.transpose(1, 2)
            starts = F.pad(ends, (1, 0))
            factors = torch.exp((ends[..., :, None] - starts[..., None, :]).masked_fill(later, -torch.inf))
            values = torch.cat([state[:, None], added[:, start : start + self.BLOCK]], 1)
            block = torch.einsum("bcts,bsc->btc", factors, values)
            cells.append(block)
            state = block[:, -1]
        return self.out(torch.sigmoid(output) * torch.tanh(torch.cat(cells, 1)))


class Lstm(nn.Module):
    """torch.nn.LSTM, then a projection. That its two biases are one is left out."""

    def __init__(self, width, heads_n, head_width, **_):
        super().__init__()
        inner = heads_n * head_width
        self.lstm = nn.LSTM(width, inner, batch_first=True)
        self.out = nn.Linear(inner, width)

    def forward(self, x):
        return self.out(self.lstm(x)[0])


class Block(nn.Module):
    def __init__(self, mixer, width, mlp_width):
        super().__init__()
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])
        self.mixer = mixer
        self.mlp = nn.Sequential(
            nn.Linear(width, mlp_width), nn.GELU(approximate="tanh"), nn.Linear(mlp_width, width)
        )

    def forward(self, x):
        x = x + self.mixer(self.norms[0](x))
        return x + self.mlp(self.norms[1](x))


class Model(nn.Module):
    def __init__(self, family, width, layers_n, mlp_width, vocabulary_n, sequence, position, **sizes):
        super().__init__()
        mixer = {"gpt": Gpt, "qlstm": Qlstm, "lstm": Lstm}[family]
        self.scale = width**0.5
        self.token = nn.Embedding(vocabulary_n, width)
        self.position = nn.Embedding(sequence, width) if position == "learned" else None
        self.blocks = nn.Sequential(
            *[Block(mixer(width, **sizes), width, mlp_width) for _ in range(layers_n)]
        )
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, vocabulary_n, bias=False)

    def forward(self, ids):
        x = self.token(ids) * self.scale
        if self.position is not None:
            x = x + self.position.weight
        return self.head(self.norm(self.blocks(x)))


class Bench:
    def __init__(self, model, batch, device, is_compiled):
        self.model, self.spec, self.batch = Model(**model).to(device), model, batch
        self.device, self.is_compiled = device, is_compiled
        self.forward = torch.compile(self.model) if is_compiled else self.model
        rate = min(0.64 / model["width"], 1.2e-2)
        self.adam = torch.optim.AdamW(
            self.model.parameters(), lr=rate, betas=(0.9, 0.95), weight_decay=0, fused=True
        )
        for _ in range(3):
            self.step()

    def step(self):
        size = (self.batch, self.spec["sequence"])
        ids, targets = torch.randint(self.spec["vocabulary_n"], (2, *size), device=self.device)
        clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
        self.settle()
        begun = clock()
        with torch.autocast(self.device, torch.bfloat16, enabled=self.is_compiled):
            loss = F.cross_entropy(self.forward(ids).flatten(0, 1), targets.flatten())
        self.adam.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.adam.step()
        self.settle()
        return clock() - begun

    def settle(self):
        """Waits for the device."""
        if self.device == "cuda":
            torch.cuda.synchronize()

    def window(self, seconds):
        used, tokens = 0.0, 0
        while used < seconds:
            used += self.step()
            tokens += self.batch * self.spec["sequence"]
        return tokens / used


def peak():
    """Most bytes that this process has had in memory."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main():
    torch.manual_seed(0)
    benches = {}
    print(torch.__version__, flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        if "checkpoint" in asked:
            training = peak()
            for bench in benches.values():
                state = {"model": bench.model.state_dict(), "adam": bench.adam.state_dict()}
                torch.save(state, f"{asked['checkpoint']}/checkpoint.pt")
            print(training, peak(), flush=True)
            continue
        seconds = asked.pop("seconds")
        torch.set_num_threads(asked.pop("threads"))
        key = json.dumps(asked, sort_keys=True)
        if key not in benches:
            benches[key] = Bench(**asked)
        print(benches[key].window(seconds), flush=True)


main()
