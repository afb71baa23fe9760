"""What is wrong with an optimizer over a model, whoever built it: facts, and the questions that are asked of them."""
