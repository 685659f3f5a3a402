"""The kind "openai": a model behind an HTTP endpoint that speaks OpenAI's embeddings protocol."""
