"""One module per lesson: what each of its exercises must do, and the mistakes people make in it."""
