"""The starter generator: a small latent diffusion model of drawings, trained on the captioned packs. Needs torch."""
