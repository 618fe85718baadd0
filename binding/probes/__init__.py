"""What a trained model does when a part of it, or of its input, is changed; nothing is trained again.

``changes`` says what can be changed, ``response`` measures what follows, ``rows`` names it and ``run`` goes through
requests.
"""
