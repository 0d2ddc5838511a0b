"""Operations of Keras, `keras.ops`, and functions of TensorFlow in older files, as nodes of a graph."""
