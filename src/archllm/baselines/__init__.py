"""What ArchLLM is compared with: a well-trained VAE on the same graphs."""

from archllm.baselines.vae import GraphVAE
from archllm.baselines.vae_model import VAEConfig, recommended_vae

__all__ = ["GraphVAE", "VAEConfig", "recommended_vae"]
