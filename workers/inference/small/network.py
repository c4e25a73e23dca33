"""A small Llama architecture, with Hugging Face's names for the weights."""

import json
import pathlib
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn



@dataclass(frozen=True)
class Shape:
    vocabulary: int = 1024
    hidden: int = 256
    layers: int = 4
    heads: int = 4
    kv_heads: int = 2
    intermediate: int = 640
    context: int = 512
    theta: float = 10000.0
    epsilon: float = 1e-5

    @property
    def head(self) -> int:
        return self.hidden // self.heads


class Norm(nn.Module):
    def __init__(self, shape: Shape):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(shape.hidden))
        self.epsilon = shape.epsilon

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, self.weight.shape, self.weight, self.epsilon)


class Attention(nn.Module):
    def __init__(self, shape: Shape):
        super().__init__()
        self.head = shape.head
        self.q_proj = nn.Linear(shape.hidden, shape.heads * shape.head, bias=False)
        self.k_proj = nn.Linear(shape.hidden, shape.kv_heads * shape.head, bias=False)
        self.v_proj = nn.Linear(shape.hidden, shape.kv_heads * shape.head, bias=False)
        self.o_proj = nn.Linear(shape.heads * shape.head, shape.hidden, bias=False)

    def forward(self, x: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
        q, k, v = (
            proj(x).unflatten(-1, (-1, self.head)).transpose(1, 2) for proj in (self.q_proj, self.k_proj, self.v_proj)
        )
        return self.o_proj(attend(rotate(q, turn), rotate(k, turn), v).transpose(1, 2).flatten(2))


def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Causal attention as plain matrix products. At these sizes, this is faster on a CPU than torch's own."""
    length, shared = q.shape[2], q.shape[1] // k.shape[1]
    future = torch.full((length, length), -torch.inf, dtype=q.dtype).triu(1).repeat(shared, 1)
    scores = q.unflatten(1, (-1, shared)).flatten(2, 3) @ k.transpose(-1, -2)
    seen = torch.add(future, scores, alpha=q.shape[-1] ** -0.5).softmax(-1) @ v
    return seen.unflatten(2, (shared, length)).flatten(1, 2)


def rotate(x: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
    cos, sin = turn
    low, high = x.chunk(2, -1)
    return x * cos + torch.cat((-high, low), -1) * sin


class Mlp(nn.Module):
    def __init__(self, shape: Shape):
        super().__init__()
        self.gate_proj = nn.Linear(shape.hidden, shape.intermediate, bias=False)
        self.up_proj = nn.Linear(shape.hidden, shape.intermediate, bias=False)
        self.down_proj = nn.Linear(shape.intermediate, shape.hidden, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    def __init__(self, shape: Shape):
        super().__init__()
        self.input_layernorm = Norm(shape)
        self.self_attn = Attention(shape)
        self.post_attention_layernorm = Norm(shape)
        self.mlp = Mlp(shape)

    def forward(self, x: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
        x = x + self.self_attn(self.input_layernorm(x), turn)
        return x + self.mlp(self.post_attention_layernorm(x))


class Network(nn.Module):
    def __init__(self, shape: Shape):
        super().__init__()
        self.shape = shape
        self.embed_tokens = nn.Embedding(shape.vocabulary, shape.hidden)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.norm = Norm(shape)
        for name, weight in self.named_parameters():
            if weight.dim() == 2:
                narrow = name.endswith(("o_proj.weight", "down_proj.weight"))
                nn.init.normal_(weight, std=0.03 / (2 * shape.layers) ** 0.5 if narrow else 0.03)
        rates = shape.theta ** (-torch.arange(0, shape.head, 2) / shape.head)
        angles = torch.outer(torch.arange(shape.context).float(), rates).repeat(1, 2)
        self.turn = angles.cos(), angles.sin()

    def forward(self, tokens: Tensor, wanted: Tensor) -> Tensor:
        """Returns the logits of some positions, given as indices into the flattened batch."""
        x = self.embed_tokens(tokens)
        kept = torch.bfloat16 if torch.is_autocast_enabled("cpu") else torch.float32
        turn = tuple(part[: tokens.shape[1]].to(kept) for part in self.turn)
        for layer in self.layers:
            x = layer(x, turn)
        return F.linear(self.norm(x.flatten(0, 1)[wanted]), self.embed_tokens.weight).float()


def save(network: Network, folder: pathlib.Path) -> None:
    """Writes config.json, and the weights in F16."""
    shape = network.shape
    weights = {f"model.{name}": weight.detach().half().contiguous() for name, weight in network.state_dict().items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    pad, close = 0, 2
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "attention_bias": False,
        "attention_dropout": 0.0,
        "bos_token_id": pad,
        "eos_token_id": close,
        "head_dim": shape.head,
        "hidden_act": "silu",
        "hidden_size": shape.hidden,
        "initializer_range": 0.03,
        "intermediate_size": shape.intermediate,
        "max_position_embeddings": shape.context,
        "mlp_bias": False,
        "num_attention_heads": shape.heads,
        "num_hidden_layers": shape.layers,
        "num_key_value_heads": shape.kv_heads,
        "pad_token_id": pad,
        "rms_norm_eps": shape.epsilon,
        "rope_scaling": None,
        "rope_theta": shape.theta,
        "tie_word_embeddings": True,
        "torch_dtype": "float16",
        "use_cache": True,
        "vocab_size": shape.vocabulary,
    }
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    ends = {"bos_token_id": pad, "eos_token_id": close, "pad_token_id": pad, "do_sample": False}
    (folder / "generation_config.json").write_text(json.dumps(ends, indent=2) + "\n")


def load(network: Network, folder: pathlib.Path) -> None:
    weights = load_file(folder / "model.safetensors")
    network.load_state_dict({name.removeprefix("model."): weight.float() for name, weight in weights.items()})
