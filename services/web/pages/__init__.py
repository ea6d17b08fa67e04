"""The pages: thin routes between a browser and the use cases."""
