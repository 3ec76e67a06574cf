"""Networks whose blocks add to one stream: residual mlps and transformers."""
