"""A trainer of one's own in plain Python: which byte follows another, through a bottleneck."""

import json, math, os, pickle, random, signal, time

S = json.load(open(os.environ["SWEEP_SETTINGS"]))
report = open(S["report"], "w", buffering=1)
say = lambda **line: report.write(json.dumps(line) + "\n")
asked = []
signal.signal(signal.SIGTERM, lambda *_: asked.append(True))

text, held_out = open(S["corpus_train"], "rb").read(), open(S["corpus_validation"], "rb").read()
rng = random.Random(S["seed"])
new = lambda: [[rng.gauss(0, 0.3) for _ in range(S["width"])] for _ in range(256)]
inputs, outputs, step = new(), new(), 0
if S["resume_from"]:
    inputs, outputs, step = pickle.load(open(S["resume_from"], "rb"))


def probabilities(byte):
    weights = [math.exp(sum(a * b for a, b in zip(inputs[byte], out))) for out in outputs]
    total = sum(weights)
    return [weight / total for weight in weights]


def learn(byte, following, rate):
    """One step of gradient descent on one pair; its loss in nats."""
    vector, share = list(inputs[byte]), probabilities(byte)
    for other, out in enumerate(outputs):
        slope = rate * (share[other] - (other == following))
        for i, (a, b) in enumerate(zip(vector, out)):
            inputs[byte][i] -= slope * b
            out[i] -= slope * a
    return -math.log(share[following])


def save():
    path = os.path.join(S["checkpoints"], f"step-{step}.pickle")
    with open(path + ".new", "wb") as file:
        pickle.dump((inputs, outputs, step), file)
    os.replace(path + ".new", path)  # whole or not at all
    say(event="checkpoint", step=step, path=os.path.basename(path))


tokens_per_step = S["batch"] * S["sequence"]
begun = saved = time.process_time()
while step < S["steps"] and not asked:
    rng = random.Random(f"{S['seed']} {step}")  # the same pairs whether resumed or not
    places = [rng.randrange(len(text) - 1) for _ in range(tokens_per_step)]
    loss = sum(learn(text[at], text[at + 1], 0.3) for at in places) / tokens_per_step
    step += 1
    used = time.process_time() - begun
    say(step=step, tokens=step * tokens_per_step, loss=loss, accelerator_s=used)
    if S["mode"] == "train" and time.process_time() - saved > 0.2:
        save()
        saved = time.process_time()
if S["mode"] == "train" and step == S["steps"]:
    pairs = list(zip(held_out, held_out[1:2001]))
    table = {byte: probabilities(byte) for byte, _ in pairs}
    bits = -sum(math.log2(table[byte][following]) for byte, following in pairs) / len(pairs)
    say(event="result", bits_per_byte=bits, params_n=2 * 256 * S["width"])
elif S["mode"] == "train":
    save()
