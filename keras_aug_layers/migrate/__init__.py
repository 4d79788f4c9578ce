"""Migration: from keras.layers and from ImageDataGenerator."""
