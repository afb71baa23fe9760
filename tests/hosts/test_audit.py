"""The code that transformers' users write, and its Trainer's, has no fault by the audit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from scepter_opt import audit

transformers: Any = pytest.importorskip("transformers")
pytest.importorskip("accelerate")  # which its Trainer needs
pytestmark = pytest.mark.hosts

SMALL = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
WORDS = {"vocab_size": 50, "max_position_embeddings": 32}
BOTH = {f"{side}_{what}": size for side in ("encoder", "decoder") for what, size in (
    ("layers", 2), ("attention_heads", 2), ("ffn_dim", 32)
)}  # fmt: skip
# ten architectures: encoders, decoders, two of both, and one for images
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "bert": ("BertForSequenceClassification", {**SMALL, **WORDS}),
    "roberta": ("RobertaForMaskedLM", {**SMALL, **WORDS}),
    "distilbert": ("DistilBertForMaskedLM", {**WORDS, "dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 32}),
    "gpt2": ("GPT2LMHeadModel", {"n_embd": 16, "n_layer": 2, "n_head": 2, "vocab_size": 50, "n_positions": 32}),
    "llama": ("LlamaForCausalLM", {**SMALL, **WORDS, "num_key_value_heads": 2}),
    "mistral": ("MistralForCausalLM", {**SMALL, **WORDS, "num_key_value_heads": 2}),
    "qwen2": ("Qwen2ForCausalLM", {**SMALL, **WORDS, "num_key_value_heads": 2}),
    "t5": ("T5ForConditionalGeneration", {"d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 2, "vocab_size": 50}),
    "bart": ("BartForConditionalGeneration", {**BOTH, **WORDS, "d_model": 16}),
    "vit": ("ViTForImageClassification", {**SMALL, "image_size": 16, "patch_size": 8}),
}


def model_of(name: str) -> Any:
    architecture, keys = MODELS[name]
    cls = getattr(transformers, architecture)
    return cls(cls.config_class(**keys))


@pytest.mark.parametrize("name", MODELS)
def test_the_loop_of_the_documentation_has_no_fault(name: str) -> None:
    model = model_of(name)
    no_decay = ("bias", "LayerNorm.weight")
    named = list(model.named_parameters())
    groups = [
        {"params": [p for n, p in named if not n.endswith(no_decay)], "weight_decay": 0.01},
        {"params": [p for n, p in named if n.endswith(no_decay)], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=5e-5)
    scheduler = transformers.get_scheduler("linear", optimizer, num_warmup_steps=10, num_training_steps=100)
    for step in range(14):
        found = audit(model, optimizer, scheduler)
        assert found.faults == (), f"at step {step}: {found}"
        optimizer.step()
        scheduler.step()


@pytest.mark.parametrize("name", MODELS)
def test_what_the_trainer_makes_has_no_fault(name: str, tmp_path: Path) -> None:
    model = model_of(name)
    arguments = transformers.TrainingArguments(
        str(tmp_path), weight_decay=0.01, warmup_steps=3, lr_scheduler_type="cosine", report_to=[], use_cpu=True
    )
    trainer = transformers.Trainer(model, arguments)
    trainer.create_optimizer_and_scheduler(100)
    assert audit(model, trainer.optimizer, trainer.lr_scheduler).faults == ()


def test_what_accelerate_prepares_has_no_fault() -> None:
    accelerate: Any = pytest.importorskip("accelerate")
    accelerator = accelerate.Accelerator(cpu=True)
    model = model_of("bert")
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 100)
    model, optimizer, scheduler = accelerator.prepare(model, optimizer, scheduler)
    assert audit(model, optimizer, scheduler).faults == ()
