"""Put a photo, its mask and its fill beside each other: side_by_side.py PHOTO MASK FILLED OUTPUT."""

import sys

import cv2
import numpy as np

photo, mask, filled = (cv2.imread(path) for path in sys.argv[1:4])
gap = np.full((photo.shape[0], 8, 3), 255, np.uint8)
cv2.imwrite(sys.argv[4], np.hstack([photo, gap, mask, gap, filled]))
