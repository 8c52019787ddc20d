"""The Space's entry point."""

from faceshifter_hub.demo import build_demo, launch

demo = build_demo()

if __name__ == "__main__":
    launch(demo)
